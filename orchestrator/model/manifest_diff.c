/* Pairs of resources, and what is said of them. */
#include "orchestrator/model/manifest_diff.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/model/manifest_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_SHOWN = 60 };

struct rename {
	const char *before, *after;
};

struct matched { /* one of both is NULL: removed, or new */
	const struct manifest *before, *after;
	bool is_renamed; /* its name has a hash of what is in it */
};

struct diff {
	struct field_walk walk;
	const struct manifest_sides *sides;
	struct arena *arena;
	struct plan_summary *summary;
	struct plan_resource *now;
	const struct manifest *manifest; /* what is being compared, as it will be */
	struct matched *matched;
	size_t matched_count;
	struct rename *renames; /* by what the name was */
	size_t rename_count;
};

/* ---- names that end in a hash of the content ---- */

/* As Kustomize writes them: ten characters of an alphabet that makes no words. */
static size_t stem_length(const struct manifest *manifest)
{
	static const char alphabet[] = "2456789bcdfghkmt";
	size_t length = strlen(manifest->name);

	if (!str_equal(manifest->kind, "ConfigMap") && !str_equal(manifest->kind, "Secret"))
		return 0;
	if (length < 12 || manifest->name[length - 11] != '-' ||
		strspn(manifest->name + length - 10, alphabet) != 10)
		return 0;
	return length - 11;
}

static int by_stem(const struct manifest *a, const struct manifest *b)
{
	size_t x = stem_length(a), y = stem_length(b);
	int order = strcmp(a->kind, b->kind);

	if (order == 0)
		order = strcmp(a->space, b->space);
	if (order == 0)
		order = strncmp(a->name, b->name, x < y ? x : y);
	return order != 0 ? order : (x > y) - (x < y);
}

static int compare_stems(const void *a, const void *b)
{
	return by_stem((*(struct matched *const *)a)->before != NULL
			       ? (*(struct matched *const *)a)->before
			       : (*(struct matched *const *)a)->after,
		(*(struct matched *const *)b)->before != NULL
			? (*(struct matched *const *)b)->before
			: (*(struct matched *const *)b)->after);
}

static struct matched **hashed(struct diff *diff, bool are_gone, size_t *ret_count)
{
	struct matched **list = arena_alloc(
		diff->arena, (diff->matched_count + 1) * sizeof(struct matched *));

	*ret_count = 0;
	for (size_t i = 0; i < diff->matched_count; i++) {
		struct matched *one = &diff->matched[i];
		const struct manifest *manifest = are_gone ? one->before : one->after;

		if ((one->before == NULL) != (one->after == NULL) && manifest != NULL &&
			stem_length(manifest) > 0)
			list[(*ret_count)++] = one;
	}
	if (*ret_count > 1)
		qsort(list, *ret_count, sizeof(struct matched *), compare_stems);
	return list;
}

static int compare_renames(const void *a, const void *b)
{
	const struct rename *x = a, *y = b;

	return strcmp(x->before, y->before);
}

/* What is gone and what is new under the same name but for the hash is one that was changed. */
static void follow_hashes(struct diff *diff)
{
	size_t gone_count, new_count, i = 0, k = 0, kept = 0;
	struct matched **gone = hashed(diff, true, &gone_count),
		       **new = hashed(diff, false, &new_count);

	diff->renames = arena_alloc(diff->arena, (gone_count + 1) * sizeof(*diff->renames));
	while (i < gone_count && k < new_count) {
		int order = by_stem(gone[i]->before, new[k]->after);

		if (order != 0) {
			*(order < 0 ? &i : &k) += 1;
			continue;
		}
		diff->renames[diff->rename_count++] = (struct rename){ gone[i]->before->name,
			new[k]->after->name };
		gone[i]->after = new[k]->after;
		gone[i]->is_renamed = true;
		new[k]->after = NULL; /* nothing is left of it */
		i++;
		k++;
	}
	if (diff->rename_count > 1)
		qsort(diff->renames, diff->rename_count, sizeof(*diff->renames), compare_renames);
	for (i = 0; i < diff->matched_count; i++)
		if (diff->matched[i].before != NULL || diff->matched[i].after != NULL)
			diff->matched[kept++] = diff->matched[i];
	diff->matched_count = kept;
}

static bool is_renamed(const struct field_walk *walk, const char *before, const char *after)
{
	const struct diff *diff = container_of(walk, const struct diff, walk);
	const struct rename wanted = { before, after };
	const struct rename *found = diff->rename_count == 0
					     ? NULL
					     : bsearch(&wanted, diff->renames, diff->rename_count,
						       sizeof(wanted), compare_renames);

	return found != NULL && strcmp(found->after, after) == 0;
}

/* ---- what does not show ---- */

static const struct manifest_ignore generated[] = {
	{ "", "", "/metadata/annotations/checksum~1*" },
	{ "", "", "/spec/template/metadata/annotations/checksum~1*" },
	{ "", "", "/metadata/labels/helm.sh~1chart" },
	{ "", "", "/spec/template/metadata/labels/helm.sh~1chart" },
	{ "", "", "/metadata/creationTimestamp" },
	{ "", "", "/webhooks/*/clientConfig/caBundle" },
	{ "CustomResourceDefinition", "", "/spec/conversion/webhook/clientConfig/caBundle" },
	{ "APIService", "", "/spec/caBundle" },
};

static bool matches(const char *pattern, const char *text)
{
	size_t length = strlen(pattern);

	if (length == 0)
		return true;
	return pattern[length - 1] == '*' ? strncmp(pattern, text, length - 1) == 0
					  : strcmp(pattern, text) == 0;
}

/* One step of a pointer: "~1" is a slash, "~0" a tilde. */
static bool step_matches(const char *step, size_t length, const char *text)
{
	for (size_t i = 0; i < length; i++, text++) {
		char wanted = step[i];

		if (wanted == '*' && i + 1 == length)
			return true;
		if (wanted == '~' && i + 1 < length)
			wanted = step[++i] == '1' ? '/' : '~';
		if (*text != wanted)
			return false;
	}
	return *text == '\0';
}

/* The pointer names where the walk stands, or something above. */
static bool pointer_matches(const char *pointer, const struct field_walk *walk)
{
	size_t depth = 0;

	while (*pointer == '/') {
		size_t length = strcspn(++pointer, "/");

		if (depth == walk->depth || !step_matches(pointer, length, walk->steps[depth].text))
			return false;
		depth++;
		pointer += length;
	}
	return depth > 0;
}

static bool is_ignored_by(
	const struct manifest_ignore *rules, size_t count, const struct diff *diff)
{
	for (size_t i = 0; i < count; i++)
		if (matches(rules[i].kind, diff->manifest->kind) &&
			matches(rules[i].name, diff->manifest->name) &&
			pointer_matches(rules[i].pointer, &diff->walk))
			return true;
	return false;
}

/* ---- what must not be told ---- */

static bool name_is_secret(const char *name)
{
	static const char *const marks[] = { "password", "passwd", "passphrase", "secret", "token",
		"private_key", "privatekey", "access_key", "accesskey", "api_key", "apikey",
		"credential", "connection_string", "auth_key" };
	char lower[LINE_MAX_SHOWN + 1];
	size_t length = strlen(name);

	/* these name a Secret, and hold nothing of it */
	if (str_equal(name, "secretName") || str_equal(name, "secretKeyRef") ||
		str_equal(name, "secretRef") || str_equal(name, "automountServiceAccountToken") ||
		str_ends(name, "TokenPath") || str_ends(name, "SecretName") ||
		str_ends(name, "SecretRef"))
		return false;
	if (length > LINE_MAX_SHOWN)
		return true;
	for (size_t i = 0; i <= length; i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32
				  : name[i] == '-'		   ? '_'
								   : name[i]);
	for (size_t i = 0; i < countof(marks); i++)
		if (strstr(lower, marks[i]) != NULL)
			return true;
	return false;
}

/* Of a Secret only what is known to be none is told. */
static bool is_told_of_secret(const struct field_walk *walk)
{
	static const char *const told[] = { "apiVersion", "kind", "type", "immutable" };
	static const char *const told_metadata[] = { "name", "namespace", "labels" };
	const char *first = walk->depth > 0 ? walk->steps[0].text : "",
		   *second = walk->depth > 1 ? walk->steps[1].text : "";

	for (size_t i = 0; i < countof(told); i++)
		if (str_equal(first, told[i]))
			return true;
	for (size_t i = 0; str_equal(first, "metadata") && i < countof(told_metadata); i++)
		if (str_equal(second, told_metadata[i]))
			return true;
	return false;
}

static bool is_secret_kind(const struct manifest *manifest)
{
	return str_equal(manifest->kind, "Secret") && manifest->group[0] == '\0';
}

/* A key says what stands below it; the name of an item, what its value is. */
static bool is_hidden(const struct diff *diff)
{
	const struct field_walk *walk = &diff->walk;
	const struct field_step *last = walk->steps + walk->depth - 1;

	if (is_secret_kind(diff->manifest))
		return !is_told_of_secret(walk);
	if (walk->depth == 0 || last->is_item)
		return false;
	return name_is_secret(last->text) ||
	       (walk->depth > 1 && str_equal(last->text, "value") && name_is_secret(last[-1].text));
}

/* ---- one difference ---- */

static const char *value_text(const struct diff *diff, const struct yaml_node *node, bool hides)
{
	if (node == NULL)
		return NULL;
	return hides ? "(hidden)" : field_text(node, PLAN_VALUE_MAX, name_is_secret, diff->arena);
}

/* Of two texts of many lines, the first line that differs. */
static bool find_line(const char *before, const char *after, const char **ret_a, const char **ret_b,
	int *ret_line)
{
	int line = 1;

	if (strchr(before, '\n') == NULL && strchr(after, '\n') == NULL)
		return false;
	for (;; line++) {
		size_t a = strcspn(before, "\n"), b = strcspn(after, "\n");

		if (a != b || strncmp(before, after, a) != 0 || before[a] == '\0' ||
			after[b] == '\0')
			break;
		before += a + 1;
		after += b + 1;
	}
	*ret_a = before;
	*ret_b = after;
	*ret_line = line;
	/* else only what follows the line differs, an end without a line break say */
	return strcspn(before, "\n") != strcspn(after, "\n") ||
	       strncmp(before, after, strcspn(before, "\n")) != 0;
}

static const char *one_line(const char *text, struct arena *arena)
{
	return manifest_printable(
		arena_strndup(arena, text, strcspn(text, "\n")), PLAN_VALUE_MAX, arena);
}

static void describe(struct diff *diff, const struct yaml_node *before,
	const struct yaml_node *after, struct plan_attribute *ret)
{
	bool hides = is_hidden(diff), are_texts = before != NULL && after != NULL &&
						  before->kind == YAML_SCALAR &&
						  after->kind == YAML_SCALAR;
	const char *a, *b;
	int line;

	ret->path = field_path(&diff->walk);
	if (!hides && are_texts && find_line(before->text, after->text, &a, &b, &line)) {
		ret->path = arena_printf(diff->arena, "%s line %d", ret->path, line);
		ret->before = one_line(a, diff->arena);
		ret->after = one_line(b, diff->arena);
		return;
	}
	ret->before = value_text(diff, before, hides);
	ret->after = value_text(diff, after, hides);
}

static bool is_image(const struct field_walk *walk)
{
	static const char *const lists[] = { "containers", "initContainers",
		"ephemeralContainers" };
	const struct field_step *last = walk->steps + walk->depth - 1;

	if (walk->depth < 3 || !str_equal(last->text, "image") || !last[-1].is_item)
		return false;
	for (size_t i = 0; i < countof(lists); i++)
		if (str_equal(last[-2].text, lists[i]))
			return true;
	return false;
}

static void note_image(struct diff *diff, const struct plan_attribute *attribute)
{
	struct plan_summary *summary = diff->summary;

	if (!is_image(&diff->walk) || attribute->before == NULL || attribute->after == NULL)
		return;
	for (size_t i = 0; i < summary->image_count; i++)
		if (str_equal(summary->images[i].before, attribute->before) &&
			str_equal(summary->images[i].after, attribute->after))
			return;
	if (summary->image_count == PLAN_IMAGES_MAX) {
		summary->images_left_out++;
		return;
	}
	summary->images[summary->image_count++] = (struct plan_image){ attribute->before,
		attribute->after };
}

static void found(
	struct field_walk *walk, const struct yaml_node *before, const struct yaml_node *after)
{
	struct diff *diff = container_of(walk, struct diff, walk);
	struct plan_resource *now = diff->now;
	struct plan_attribute attribute = { 0 };

	if (is_ignored_by(generated, countof(generated), diff) ||
		is_ignored_by(diff->sides->ignores, diff->sides->ignore_count, diff)) {
		now->hidden++;
		return;
	}
	describe(diff, before, after, &attribute);
	note_image(diff, &attribute);
	if (now->attribute_count == PLAN_ATTRIBUTES_MAX) {
		now->attributes_left_out++;
		return;
	}
	now->attributes[now->attribute_count++] = attribute;
}

/* ---- one resource ---- */

static const char *annotation(const struct manifest *manifest, const char *name)
{
	const struct yaml_node *metadata = yaml_get(manifest->root, "metadata");

	if (metadata == NULL || metadata->kind != YAML_MAP)
		return NULL;
	return manifest_text(yaml_get(metadata, "annotations"), name);
}

/* What goes with it cannot be brought back by bringing it back. */
static bool is_destructive(const struct manifest *manifest)
{
	static const char *const kinds[] = { "StatefulSet", "PersistentVolumeClaim", "Namespace",
		"CustomResourceDefinition", "PersistentVolume" };

	for (size_t i = 0; i < countof(kinds); i++)
		if (str_equal(manifest->kind, kinds[i]))
			return true;
	return false;
}

static const char *removal_note(const struct manifest *manifest)
{
	const char *options = annotation(manifest, "argocd.argoproj.io/sync-options"),
		   *policy = annotation(manifest, "helm.sh/resource-policy");

	if ((options != NULL && strstr(options, "Prune=false") != NULL) ||
		(policy != NULL && strstr(policy, "keep") != NULL))
		return "stays in the cluster: an annotation of it says so";
	return is_destructive(manifest) ? "pruned, DESTRUCTIVE: what it holds goes with it"
					: "pruned";
}

static struct plan_resource *add(
	struct diff *diff, enum plan_action action, const struct manifest *manifest)
{
	struct plan_resource *resource = &diff->summary->resources[diff->summary->resource_count++];

	*resource = (struct plan_resource){ .address = manifest_address(manifest, diff->arena),
		.action = action };
	diff->now = resource;
	diff->manifest = manifest;
	return resource;
}

static void compare(struct diff *diff, const struct matched *one)
{
	struct plan_resource *resource = add(diff, PLAN_UPDATE, one->after);

	resource->attributes = arena_alloc(
		diff->arena, PLAN_ATTRIBUTES_MAX * sizeof(*resource->attributes));
	field_compare(&diff->walk, one->before->root, one->after->root);
	if (one->is_renamed)
		resource->note = arena_printf(
			diff->arena, "the hash in its name was that of %s", one->before->name);
	if (resource->attribute_count == 0 && resource->hidden == 0 && !one->is_renamed)
		diff->summary->resource_count--;
	else
		diff->summary->update++;
}

static void look_at(struct diff *diff, const struct matched *one)
{
	if (one->before == NULL) {
		(void)add(diff, PLAN_CREATE, one->after);
		diff->summary->create++;
	} else if (one->after == NULL) {
		add(diff, PLAN_DELETE, one->before)->note = removal_note(one->before);
		diff->summary->delete ++;
	} else {
		compare(diff, one);
	}
}

/* ---- all of them ---- */

static void match(struct diff *diff)
{
	const struct manifest_list *before = &diff->sides->before, *after = &diff->sides->after;
	size_t i = 0, k = 0;

	diff->matched = arena_alloc(
		diff->arena, (before->count + after->count + 1) * sizeof(*diff->matched));
	while (i < before->count || k < after->count) {
		int order = i == before->count ? 1
			    : k == after->count
				    ? -1
				    : manifest_compare(&before->items[i], &after->items[k]);

		diff->matched[diff->matched_count++] = (struct matched){
			.before = order <= 0 ? &before->items[i++] : NULL,
			.after = order >= 0 ? &after->items[k++] : NULL,
		};
	}
}

static int rank(const struct plan_resource *resource)
{
	bool is_worst = resource->note != NULL && strstr(resource->note, "DESTRUCTIVE") != NULL;

	return resource->action == PLAN_DELETE	 ? (is_worst ? 0 : 1)
	       : resource->action == PLAN_UPDATE ? 2
						 : 3;
}

static int by_danger(const void *a, const void *b)
{
	const struct plan_resource *x = a, *y = b;
	int order = rank(x) - rank(y);

	return order != 0 ? order : strcmp(x->address, y->address);
}

void manifest_diff(
	const struct manifest_sides *sides, struct arena *arena, struct plan_summary *ret)
{
	struct diff diff = { .walk = { .arena = arena, .found = found, .is_renamed = is_renamed },
		.sides = sides,
		.arena = arena,
		.summary = ret };

	*ret = (struct plan_summary){ .tool_version = "" };
	match(&diff);
	follow_hashes(&diff);
	ret->resources = arena_alloc(arena, (diff.matched_count + 1) * sizeof(*ret->resources));
	ret->images = arena_alloc(arena, PLAN_IMAGES_MAX * sizeof(*ret->images));
	for (size_t i = 0; i < diff.matched_count; i++)
		look_at(&diff, &diff.matched[i]);
	if (ret->resource_count > 1)
		qsort(ret->resources, ret->resource_count, sizeof(*ret->resources), by_danger);
	if (ret->resource_count > PLAN_RESOURCES_MAX) {
		ret->resources_left_out = (int)(ret->resource_count - PLAN_RESOURCES_MAX);
		ret->resource_count = PLAN_RESOURCES_MAX;
	}
}
