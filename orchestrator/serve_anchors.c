/* The file of anchors only grows, by a line a day; that it is there is never needed to serve. */
#include "orchestrator/serve_anchors.h"

#include "orchestrator/lib/clock.h"
#include "orchestrator/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { HOUR_MS = 3600000, SOON_MS = 100, DAY_LENGTH = 10, LINE_MAX_BYTES = 256 };

struct anchors {
	struct store *store;
	struct loop_timer *timer;
	char *path;
};

/* The day of the newest line: "" when there is none. */
static void last_day(int fd, char ret[DAY_LENGTH + 1])
{
	char tail[LINE_MAX_BYTES + 1];
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > LINE_MAX_BYTES ? size - LINE_MAX_BYTES : 0;
	ssize_t got = pread(fd, tail, LINE_MAX_BYTES, from);
	const char *found = NULL;

	ret[0] = '\0';
	tail[got < 0 ? 0 : got] = '\0';
	for (const char *at = tail; (at = strstr(at, "\"at\":\"")) != NULL; at++)
		found = at + 6;
	if (found != NULL && strlen(found) > DAY_LENGTH)
		(void)snprintf(ret, DAY_LENGTH + 1, "%.*s", (int)DAY_LENGTH, found);
}

static int append_line(int fd, const char *at, const struct audit_tip *tip, struct err *err)
{
	char line[LINE_MAX_BYTES];
	int length = snprintf(line, sizeof(line),
		"{\"at\":\"%s\",\"record\":%lld,\"hash\":\"%s\"}\n", at, (long long)tip->id,
		tip->hash);

	if (write(fd, line, (size_t)length) != length || fsync(fd) < 0)
		return err_sys(err, ERR_SYSTEM, errno, "the anchor cannot be written");
	return 0;
}

static int drop_anchor(const struct anchors *anchors, struct err *err)
{
	char now[CLOCK_TEXT_MAX], day[DAY_LENGTH + 1];
	_cleanup_fd_ int fd = open(
		anchors->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct audit_tip tip;
	int r;

	if (fd < 0)
		return err_sys(err, ERR_SYSTEM, errno, "cannot open %s", anchors->path);
	clock_text(clock_wall_ms(&clock_system), now);
	last_day(fd, day);
	if (strncmp(now, day, DAY_LENGTH) == 0)
		return 0;
	r = store_audit_tip(anchors->store, &tip, err);
	if (r < 0 || tip.id == 0)
		return r;
	r = append_line(fd, now, &tip, err);
	if (r == 0)
		log_info("anchor of the record", log_int("record", tip.id),
			log_str("hash", tip.hash));
	return r;
}

static void on_hour(void *owner)
{
	struct anchors *anchors = owner;
	struct err err;

	if (store_is_dirty(anchors->store)) { /* what is not committed may never have been */
		loop_timer_arm(anchors->timer, SOON_MS);
		return;
	}
	if (drop_anchor(anchors, &err) < 0)
		log_warn("the record has no anchor of today", log_err(&err));
	loop_timer_arm(anchors->timer, HOUR_MS);
}

struct anchors *anchors_new(struct loop *loop, struct store *store, const char *data_dir)
{
	struct anchors *anchors = mem_alloc(sizeof(*anchors));

	anchors->store = store;
	anchors->path = mem_printf("%s/" ANCHORS_FILE, data_dir);
	anchors->timer = loop_timer_new(loop, on_hour, anchors);
	loop_timer_arm(anchors->timer, 0);
	return anchors;
}

void anchors_free(struct anchors *anchors)
{
	if (anchors == NULL)
		return;
	loop_timer_free(anchors->timer);
	free(anchors->path);
	free(anchors);
}
