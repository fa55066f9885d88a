/* links: vcs_github model lib */
/* Any bytes as a delivery of GitHub, the first one choosing the event: an event whose texts have
 * the promised form, or an error with a text. */
#include "orchestrator/lib/codec.h"
#include "vcs/github/github_dialect.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_names.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct web_site site = { .dialect = &github_dialect,
		.host = "github",
		.web_url = "https://github.com",
		.login = "planner" };
	static const char *const topics[] = { "pull_request", "issue_comment",
		"pull_request_review", "check_run", "check_suite", "ping", "merge_group" };
	struct arena arena = { 0 };
	struct vcs_event event;
	struct err err = { 0 };
	int r;

	if (length == 0)
		return 0;
	r = web_event_read(&site, topics[bytes[0] % countof(topics)], (const char *)bytes + 1,
		length - 1, &arena, &event, &err);
	if (r < 0 && err.text[0] == '\0')
		abort();
	if (r == 0 && event.kind != VCS_IGNORED && event.kind != VCS_PING &&
		(!web_repo_is_valid(event.repo) || !web_login_is_valid(event.actor) ||
			event.number <= 0 || strchr(event.title, '\n') != NULL ||
			(event.head[0] != '\0' && (!codec_is_hex(event.head, 40) ||
							  !web_ref_is_valid(event.base_ref)))))
		abort();
	arena_release(&arena);
	return 0;
}
