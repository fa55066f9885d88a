/* links: executor model lib_loop lib */
/* Who may run tools, and who still makes itself ready: the server's ends of the lines, with the
 * jobs' ends held by the case. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/loop.h"
#include "orchestrator/model/job_slot.h"
#include "runners/executor_slots.h"

#include <sys/socket.h>
#include <unistd.h>

enum { JOBS = 4 };

struct scene {
	struct loop *loop;
	struct executor_events events;
	struct slots slots;
	struct slot_user users[JOBS];
	int lines[JOBS]; /* of the jobs */
};

static void stop(void *owner)
{
	loop_stop(((struct scene *)owner)->loop);
}

static void begin(struct scene *scene, int total)
{
	*scene = (struct scene){ .loop = loop_new(), .events = { .moved = stop, .owner = scene } };
	slots_init(&scene->slots, scene->loop, &scene->events);
	slots_set(&scene->slots, total);
	for (int i = 0; i < JOBS; i++) {
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		slot_join(&scene->slots, &scene->users[i], false);
		slot_connect(&scene->users[i], pair[0]);
		scene->lines[i] = pair[1];
	}
}

static void end(struct scene *scene)
{
	for (int i = 0; i < JOBS; i++) {
		slot_leave(&scene->users[i]);
		close(scene->lines[i]);
	}
	loop_free(scene->loop);
}

static void say(struct scene *scene, int job, enum slot_word what)
{
	const char word = (char)what;

	assert_int_equal(send(scene->lines[job], &word, 1, MSG_NOSIGNAL), 1);
	loop_run(scene->loop);
}

/* What the server has said to the job since it was looked at, 0: nothing. */
static char heard(const struct scene *scene, int job)
{
	char word = 0;

	return recv(scene->lines[job], &word, 1, MSG_DONTWAIT) == 1 ? word : 0;
}

static enum job_phase phase(const struct scene *scene, int job)
{
	return slot_phase(&scene->users[job]);
}

static void a_free_slot_is_promised(_unused_ void **state)
{
	struct scene scene;

	begin(&scene, 1);
	assert_int_equal(heard(&scene, 0), SLOT_GO); /* before it asks */
	assert_int_equal(phase(&scene, 0), PHASE_STAGED);
	say(&scene, 1, SLOT_ASK);
	assert_int_equal(heard(&scene, 1), 0);
	say(&scene, 0, SLOT_ASK);
	assert_int_equal(heard(&scene, 0), 0); /* it was told */
	assert_int_equal(phase(&scene, 0), PHASE_TOOLS);
	say(&scene, 0, SLOT_BACK);
	assert_int_equal(phase(&scene, 0), PHASE_READS);
	assert_int_equal(heard(&scene, 1), SLOT_GO);
	end(&scene);
}

static void init_has_lanes(_unused_ void **state)
{
	struct scene scene;

	begin(&scene, 2); /* so there is one lane */
	say(&scene, 2, SLOT_ASK_INIT);
	assert_int_equal(heard(&scene, 2), SLOT_GO_IN_LANE);
	say(&scene, 3, SLOT_ASK_INIT);
	assert_int_equal(heard(&scene, 3), 0);
	say(&scene, 2, SLOT_ASK);
	assert_int_equal(heard(&scene, 2), 0);
	assert_int_equal(heard(&scene, 3), SLOT_GO_IN_LANE);
	end(&scene);
}

static void a_brief_init_is_part_of_making_ready(_unused_ void **state)
{
	struct scene scene;

	begin(&scene, 2);
	say(&scene, 0, SLOT_ASK_INIT);
	assert_int_equal(phase(&scene, 0), PHASE_STAGED); /* it may be over in a moment */
	say(&scene, 0, SLOT_READY);
	assert_int_equal(phase(&scene, 0), PHASE_TOOLS);
	say(&scene, 2, SLOT_ASK_INIT); /* in the lane */
	assert_int_equal(phase(&scene, 2), PHASE_STAGED);
	say(&scene, 2, SLOT_ASK);
	assert_int_equal(phase(&scene, 2), PHASE_TOOLS);
	end(&scene);
}

static void a_long_init_keeps_nobody_waiting(_unused_ void **state)
{
	struct scene scene;

	begin(&scene, 2);
	say(&scene, 0, SLOT_ASK_INIT);
	assert_int_equal(phase(&scene, 0), PHASE_STAGED);
	loop_run(scene.loop); /* until something is said to have moved */
	assert_int_equal(phase(&scene, 0), PHASE_TOOLS);
	end(&scene);
}

static void a_job_may_end_in_its_init(_unused_ void **state)
{
	struct scene scene;

	begin(&scene, 2);
	say(&scene, 0, SLOT_ASK_INIT);
	end(&scene);
}

int main(int argc, char **argv)
{
	CASE(a_free_slot_is_promised);
	CASE(init_has_lanes);
	CASE(a_brief_init_is_part_of_making_ready);
	CASE(a_long_init_keeps_nobody_waiting);
	CASE(a_job_may_end_in_its_init);
	return cases_run(argc, argv);
}
