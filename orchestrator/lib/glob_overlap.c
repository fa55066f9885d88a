/* Both patterns as automata over bytes, walked together: they overlap when both can end at once. */
#include "orchestrator/lib/glob_token.h"

#include <string.h>

enum node_kind {
	NODE_BYTE,     /* this one */
	NODE_NO_SLASH, /* any but '/' */
	NODE_TAIL,     /* any number of bytes that go on a character */
	NODE_STAR,     /* any number, none of them '/' */
	NODE_ANY,      /* any number */
	NODE_SKIP,     /* the next two may be left out */
};

struct node {
	uint8_t kind; /* enum node_kind */
	char byte;
};

enum { NODES_MAX = 2500 };

struct automaton {
	struct node nodes[NODES_MAX];
	size_t count;
};

static void add(struct automaton *automaton, enum node_kind kind, char byte)
{
	if (automaton->count < NODES_MAX)
		automaton->nodes[automaton->count] = (struct node){ (uint8_t)kind, byte };
	automaton->count++;
}

static void add_token(struct automaton *automaton, const struct glob_token *token)
{
	switch (token->kind) {
	case GLOB_LITERAL:
		for (size_t i = 0; i < token->length; i++)
			add(automaton, NODE_BYTE, token->text[i]);
		return;
	case GLOB_ONE:
	case GLOB_CLASS:
		add(automaton, NODE_NO_SLASH, 0);
		add(automaton, NODE_TAIL, 0);
		return;
	case GLOB_STAR:
		add(automaton, NODE_STAR, 0);
		return;
	case GLOB_ANY:
		add(automaton, NODE_ANY, 0);
		return;
	case GLOB_DIRS:
		add(automaton, NODE_SKIP, 0);
		add(automaton, NODE_ANY, 0);
		add(automaton, NODE_BYTE, '/');
		return;
	case GLOB_REST:
		add(automaton, NODE_SKIP, 0);
		add(automaton, NODE_BYTE, '/');
		add(automaton, NODE_ANY, 0);
		return;
	}
}

/* false: it does not fit. */
static bool build(struct automaton *automaton, const struct glob_form *form)
{
	automaton->count = 0;
	for (size_t i = 0; i < form->count; i++)
		add_token(automaton, &form->tokens[i]);
	return automaton->count <= NODES_MAX;
}

/* Places in both, each seen once. */
struct walk {
	const struct automaton *a, *b;
	uint8_t *seen; /* bits */
	uint32_t *open;
	size_t open_count;
};

static void visit(struct walk *walk, size_t i, size_t k)
{
	size_t place = i * (walk->b->count + 1) + k;

	if (walk->seen[place / 8] & (1u << (place % 8)))
		return;
	walk->seen[place / 8] |= (uint8_t)(1u << (place % 8));
	walk->open[walk->open_count++] = (uint32_t)place;
}

static bool takes_byte(const struct node *node, char byte)
{
	switch ((enum node_kind)node->kind) {
	case NODE_BYTE:
		return node->byte == byte;
	case NODE_TAIL:
		return ((unsigned char)byte & 0xc0) == 0x80;
	case NODE_NO_SLASH:
	case NODE_STAR:
		return byte != '/';
	case NODE_ANY:
		return true;
	case NODE_SKIP:
		return false;
	}
	return false;
}

/* Is there a byte that both take? All but single bytes take those that go on a character. */
static bool can_share(const struct node *a, const struct node *b)
{
	if (a->kind == NODE_SKIP || b->kind == NODE_SKIP)
		return false;
	if (a->kind == NODE_BYTE)
		return takes_byte(b, a->byte);
	return b->kind != NODE_BYTE || takes_byte(a, b->byte);
}

static bool is_loop(const struct node *node)
{
	return node->kind == NODE_STAR || node->kind == NODE_ANY || node->kind == NODE_TAIL;
}

static void step(struct walk *walk, size_t i, size_t k)
{
	const struct node *a = i < walk->a->count ? &walk->a->nodes[i] : NULL;
	const struct node *b = k < walk->b->count ? &walk->b->nodes[k] : NULL;

	if (a != NULL && (is_loop(a) || a->kind == NODE_SKIP))
		visit(walk, i + 1, k);
	if (a != NULL && a->kind == NODE_SKIP)
		visit(walk, i + 3, k);
	if (b != NULL && (is_loop(b) || b->kind == NODE_SKIP))
		visit(walk, i, k + 1);
	if (b != NULL && b->kind == NODE_SKIP)
		visit(walk, i, k + 3);
	if (a != NULL && b != NULL && can_share(a, b))
		visit(walk, is_loop(a) ? i : i + 1, is_loop(b) ? k : k + 1);
}

static bool do_overlap(const struct automaton *a, const struct automaton *b, long *steps)
{
	size_t places = (a->count + 1) * (b->count + 1);
	_cleanup_free_ uint8_t *seen = NULL;
	_cleanup_free_ uint32_t *open = NULL;
	struct walk walk = { .a = a, .b = b };

	if (*steps < (long)places)
		return true;
	seen = walk.seen = mem_alloc(places / 8 + 1);
	open = walk.open = mem_alloc(places * sizeof(*open));
	visit(&walk, 0, 0);
	while (walk.open_count > 0) {
		size_t place = walk.open[--walk.open_count];
		size_t i = place / (b->count + 1), k = place % (b->count + 1);

		--*steps;
		if (i == a->count && k == b->count)
			return true;
		step(&walk, i, k);
	}
	return false;
}

bool glob_overlaps(const struct glob *a, const struct glob *b, long *steps)
{
	struct automaton one, other;

	for (size_t i = 0; i < a->form_count; i++) {
		if (!build(&one, &a->forms[i]))
			return true;
		for (size_t k = 0; k < b->form_count; k++) {
			if (!build(&other, &b->forms[k]) || do_overlap(&one, &other, steps))
				return true;
		}
	}
	return false;
}
