/* A tree into a structure, by a table of keys. Must not: know any key itself.
 *
 * The same table prints the reference page and the JSON Schema (schema.h). All errors of a file
 * come in one go, each with its place, what was expected, and the nearest known key. */
#pragma once
#include "config/errors.h"
#include "orchestrator/model/repo_config.h"

/* In the help of a key that is read, checked and carried, and nothing more. */
#define LATER " (not acted on yet)"

enum config_type {	 /* what is written at `offset` */
	CONFIG_TEXT,	 /* const char * */
	CONFIG_BOOL,	 /* bool */
	CONFIG_INT,	 /* int */
	CONFIG_DURATION, /* int64_t, ms */
	CONFIG_SIZE,	 /* int64_t, bytes */
	CONFIG_PATH,	 /* const char *, absolute */
	CONFIG_WORD,	 /* const char *, one of `words` */
	CONFIG_ENUM,	 /* an enum: the number of the word, counted from `least` */
	CONFIG_TEXTS,	 /* struct name_list, or a list with its `count` elsewhere; of `words` when
			  * there are any */
	CONFIG_BITS,	 /* unsigned: 1 << number of each word of the list */
	CONFIG_MAP,	 /* keys of the same structure, whose names begin with this one */
	CONFIG_LIST,	 /* array of `element`, count beside it */
	CONFIG_NAMED,	 /* the same from a map: each key is the name of an element */
	CONFIG_CHOICE,	 /* a map with exactly one of `keys`, of the same structure */
	CONFIG_UNION,	 /* the first of `keys` that takes this kind of value, whatever its name */
	CONFIG_OWN,	 /* read by `take`; described by `schema` */
};

struct config_element { /* of a list, or of a map by name */
	size_t size;
	size_t name; /* CONFIG_NAMED: where its name goes */
	size_t at;   /* where its struct config_place stands; 0: it has none */
	size_t node; /* where its const struct yaml_node * stands, for later checks; 0: none */
	const void *initial; /* its defaults, or NULL: zeroes */
	bool is_scalar_too;  /* the element is a union: its `keys` are the forms */
};

struct config_decoder;
struct config_path;

struct config_key {
	const char *name;
	enum config_type type;
	size_t offset;
	int64_t least, most; /* numbers, durations in ms, sizes in bytes; of lists and maps by name
			      * `most` is how long they may be, 0: CONFIG_ITEMS_MAX */
	const char *const *words;			 /* NULL-ended */
	const struct config_key *keys;			 /* ended by a NULL name */
	bool (*is_good)(const char *text);		 /* texts: more rules; or NULL */
	const char *expected;				 /* what is_good wants, for people */
	int (*check)(const char *text, struct err *err); /* texts: says itself what is wrong */
	const struct config_element *element;
	size_t count;		 /* where the number of elements goes */
	unsigned mark;		 /* set at `mark_at` when the key is given */
	size_t mark_at;		 /* an unsigned or an enum */
	bool is_required;	 /* the map must have it */
	bool is_one_or_list;	 /* TEXTS, BITS: a single value is a list of one */
	bool is_empty_fine;	 /* TEXT: "" is a value */
	bool is_guard;		 /* empty is never "not given", also for a lenient decoder */
	bool is_value_optional;	 /* the key alone says it, as in "- plan:" */
	bool is_native;		 /* not of Atlantis: repository files only */
	bool is_shown_elsewhere; /* the page has its keys in another place */
	bool is_lenient;	 /* read as by a lenient decoder, and all below it */
	void (*take)(const struct config_decoder *decoder, const struct config_key *key,
		const struct yaml_node *value, const struct config_path *path, void *base);
	const char *schema;   /* CONFIG_OWN: JSON */
	const char *fallback; /* as a person would write it; NULL or "": none */
	const char *help;
};

enum { CONFIG_ITEMS_MAX = 1000 };

struct config_decoder {
	const char *file; /* the name in each struct config_place */
	/* As Atlantis reads its files: a key without a value is not given; yes and on are true. */
	bool is_lenient;
	bool is_foreign; /* refuses what is_native */
	struct arena *arena;
	struct config_errors *errors;
};

/* Where the walk is, on the stack: written out only when there is something to say. */
struct config_path {
	const struct config_path *up;
	const char *name; /* NULL: item `index` of a list */
	size_t index;
};

/* keys end with a NULL name. Values that are not given, or are wrong, are left alone. Texts are the
 * tree's own: tree and structure share the decoder's arena. path NULL: the top. */
void config_decode(const struct config_decoder *decoder, const struct config_key *keys,
	const struct yaml_node *node, const struct config_path *path, void *into);
/* One value by its row; for `take`. */
void config_take(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *base);
/* "projects[2].dir"; in the arena of the errors. */
const char *config_path_text(struct config_errors *errors, const struct config_path *path);
struct config_place config_place(const struct config_decoder *decoder, struct yaml_place at);
/* What a person would write, "90s" or "64KiB". */
const char *config_number_text(struct arena *arena, enum config_type type, int64_t number);

/* decode_value.c: single values. */
void config_take_scalar(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value, const struct config_path *path, void *into);
/* The number of the word, or -1 after a complaint. */
int config_take_word(const struct config_decoder *decoder, const char *const *words,
	const struct yaml_node *value, const struct config_path *path);
/* How many entries the list of a key may have; 0: it is none. */
int64_t config_items_max(const struct config_key *key);
bool config_is_given(const struct config_decoder *decoder, const struct config_key *key,
	const struct yaml_node *value);
