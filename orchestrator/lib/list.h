/* An intrusive doubly linked list. The list owns nothing; elements are embedded in their owners. */
#pragma once
#include "orchestrator/lib/base.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == NULL || head->next == head;
}

static inline void list_append(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

static inline void list_prepend(struct list *head, struct list *item)
{
	list_append(head->next, item); /* before the first */
}

static inline void list_remove(struct list *item)
{
	if (item->next == NULL)
		return;
	item->prev->next = item->next;
	item->next->prev = item->prev;
	item->next = item->prev = NULL;
}

static inline struct list *list_pop(struct list *head)
{
	struct list *first = head->next;

	if (list_empty(head))
		return NULL;
	list_remove(first);
	return first;
}

/* Safe against removal of the current element. */
#define list_for_each(item, head)                                                                  \
	for (struct list *item = (head)->next, *item##_next_ = item->next; item != (head);         \
		item = item##_next_, item##_next_ = item->next)
