/* The walk over both sides of a change. */
#include "runners/tf_diff.h"

#include <stdio.h>
#include <string.h>

bool tf_is_marked(const json_t *marks, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > TF_DEPTH_MAX)
		return true;
	if (json_is_true(marks))
		return true;
	if (json_is_array(marks)) {
		json_array_foreach (marks, i, item)
			if (tf_is_marked(item, depth + 1))
				return true;
	} else if (json_is_object(marks)) {
		json_object_foreach ((json_t *)marks, key, item)
			if (tf_is_marked(item, depth + 1))
				return true;
	}
	return false;
}

const json_t *tf_marks_below(const json_t *marks, const char *key, size_t index)
{
	if (json_is_true(marks))
		return marks;
	return key != NULL ? json_object_get(marks, key) : json_array_get(marks, index);
}

static struct tf_sides sides_below(const struct tf_sides *sides, const char *key, size_t index)
{
	return (struct tf_sides){
		.before = tf_marks_below(sides->before, key, index),
		.after = tf_marks_below(sides->after, key, index),
		.unknown = tf_marks_below(sides->unknown, key, index),
		.before_marks = tf_marks_below(sides->before_marks, key, index),
		.after_marks = tf_marks_below(sides->after_marks, key, index),
	};
}

struct tf_sides tf_sides_of(const json_t *change)
{
	return (struct tf_sides){ json_object_get(change, "before"),
		json_object_get(change, "after"), json_object_get(change, "after_unknown"),
		json_object_get(change, "before_sensitive"),
		json_object_get(change, "after_sensitive") };
}

static bool holds_objects(const json_t *list)
{
	return json_array_size(list) > 0 && json_is_object(json_array_get(list, 0));
}

static void diff_value(struct tf_diff *diff, const struct tf_sides *sides, int depth);

static void diff_below(struct tf_diff *diff, const struct tf_sides *sides, const char *key,
	size_t index, int depth)
{
	size_t length = strlen(diff->path), room = sizeof(diff->path) - length;
	struct tf_sides below = sides_below(sides, key, index);
	int more = key != NULL ? snprintf(diff->path + length, room, "%s%s", length == 0 ? "" : ".",
					 key)
			       : snprintf(diff->path + length, room, "[%zu]", index);

	if (more < 0 || (size_t)more >= room)
		diff->left_out++;
	else
		diff_value(diff, &below, depth + 1);
	diff->path[length] = '\0';
}

static void diff_value(struct tf_diff *diff, const struct tf_sides *sides, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_true(sides->unknown) || depth > TF_DEPTH_MAX) {
		diff->found(diff, sides);
		return;
	}
	if (json_is_object(sides->before) && json_is_object(sides->after)) {
		json_object_foreach ((json_t *)sides->after, key, item)
			diff_below(diff, sides, key, 0, depth);
		json_object_foreach ((json_t *)sides->before, key, item)
			if (json_object_get(sides->after, key) == NULL)
				diff_below(diff, sides, key, 0, depth);
		if (json_is_object(sides->unknown)) /* unknown values are not in `after` at all */
			json_object_foreach ((json_t *)sides->unknown, key, item)
				if (json_object_get(sides->after, key) == NULL &&
					json_object_get(sides->before, key) == NULL &&
					tf_is_marked(item, 0))
					diff_below(diff, sides, key, 0, depth);
		return;
	}
	if (json_is_array(sides->before) &&
		json_array_size(sides->before) == json_array_size(sides->after) &&
		holds_objects(sides->before) && holds_objects(sides->after)) {
		for (i = 0; i < json_array_size(sides->after); i++)
			diff_below(diff, sides, NULL, i, depth);
		return;
	}
	if (json_equal(sides->before == NULL ? json_null() : (json_t *)sides->before,
		    sides->after == NULL ? json_null() : (json_t *)sides->after) &&
		!tf_is_marked(sides->unknown, 0))
		return;
	diff->found(diff, sides);
}

void tf_diff_walk(struct tf_diff *diff, const struct tf_sides *sides)
{
	diff_value(diff, sides, 0);
}
