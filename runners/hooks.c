/* The hooks of the server. */
#include "runners/hooks.h"
#include "orchestrator/lib/codec.h"
#include "runners/git_work.h"
#include "runners/place.h"
#include "runners/steps.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { STATUS_MAX = 4 << 10 };

/* The line that the hooks left for the status, or what they printed. */
static void keep_status(struct walk *walk)
{
	struct worker *worker = walk->worker;
	_cleanup_fd_ int fd = openat(worker->dir->fd, "out/" STEPS_STATUS_FILE,
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *text = NULL, *masked = NULL;
	size_t length = 0;
	struct stat st;
	struct err err;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		output_read_fd(fd, STATUS_MAX, &text, &length, &err) < 0) {
		walk_keep_output(walk);
		return;
	}
	masked = mask_text(&worker->mask, text, NULL);
	worker->result.output = arena_strndup(
		&worker->arena, masked, codec_utf8_prefix(masked, strlen(masked)));
}

int hooks_run(struct worker *worker)
{
	const struct place place = { .profile = site_profile(worker->site, PROFILE_RUN) };
	struct walk walk;
	int r = walk_open(&walk, worker, STAGE_PLAN, &worker->spec.steps);

	if (r == 0)
		r = place_enter(worker, &place);
	if (r == 0)
		r = walk_steps(&walk, 0, walk.steps.count);
	worker_leave(worker);
	if (r == 0)
		keep_status(&walk);
	walk_release(&walk);
	return r == 0 && worker->spec.is_before ? git_adopt(worker) : r;
}
