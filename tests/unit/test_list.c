/* links: lib */
/* The intrusive list. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/list.h"

struct item {
	int number;
	struct list link;
};

static struct item *owner(struct list *link)
{
	return container_of(link, struct item, link);
}

static void is_empty_before_and_after(_unused_ void **state)
{
	struct list head = { 0 };
	struct item item = { .number = 1 };

	assert_true(list_empty(&head)); /* zeroed memory is an empty list */
	assert_null(list_pop(&head));
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_pop(&head));
	list_append(&head, &item.link);
	assert_false(list_empty(&head));
	assert_ptr_equal(owner(list_pop(&head)), &item);
	assert_true(list_empty(&head));
}

static void keeps_the_order(_unused_ void **state)
{
	struct item items[10];
	struct list head;
	int expected = 0;

	list_init(&head);
	for (int i = 0; i < 10; i++) {
		items[i].number = i;
		list_append(&head, &items[i].link);
	}
	list_for_each (link, &head)
		assert_int_equal(owner(link)->number, expected++);
	assert_int_equal(expected, 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(owner(list_pop(&head))->number, i);
}

static void may_lose_the_current_element(_unused_ void **state)
{
	struct item items[6];
	struct list head;
	int seen = 0, left = 0;

	list_init(&head);
	for (int i = 0; i < 6; i++) {
		items[i].number = i;
		list_append(&head, &items[i].link);
	}
	list_for_each (link, &head) {
		seen++;
		if (owner(link)->number % 2 == 0)
			list_remove(link);
	}
	list_for_each (link, &head)
		left += owner(link)->number;
	assert_int_equal(seen, 6);
	assert_int_equal(left, 1 + 3 + 5);
}

static void removing_twice_does_nothing(_unused_ void **state)
{
	struct item one = { .number = 1 }, two = { .number = 2 }, never = { 0 };
	struct list head;

	list_init(&head);
	list_append(&head, &one.link);
	list_append(&head, &two.link);
	list_remove(&one.link);
	list_remove(&one.link);
	list_remove(&never.link);
	assert_ptr_equal(head.next, &two.link);
	assert_ptr_equal(head.prev, &two.link);
}

int main(int argc, char **argv)
{
	CASE(is_empty_before_and_after);
	CASE(keeps_the_order);
	CASE(may_lose_the_current_element);
	CASE(removing_twice_does_nothing);
	return cases_run(argc, argv);
}
