/* A tree of YAML as text, and trees that are made here. What is written reads back as the same
 * tree. Must not: know what a key means. */
#pragma once
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/yaml.h"

struct yaml_node *yaml_new_map(struct arena *arena);
struct yaml_node *yaml_new_list(struct arena *arena);
struct yaml_node *yaml_new_text(struct arena *arena, const char *text); /* text, whatever it says */
struct yaml_node *yaml_new_plain(struct arena *arena, const char *text); /* true, 3 */
void yaml_add(struct arena *arena, struct yaml_node *list, struct yaml_node *item);
/* By a path with dots; maps on the way are made. The key must not be there. */
void yaml_set(
	struct arena *arena, struct yaml_node *map, const char *path, struct yaml_node *value);
/* The same for one key that may have dots in its name. */
void yaml_set_key(
	struct arena *arena, struct yaml_node *map, const char *key, struct yaml_node *value);

void yaml_write(const struct yaml_node *node, struct strbuf *out);
