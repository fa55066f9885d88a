/* links: vcs_gitea vcs_github model lib */
/* Any bytes as a delivery of Gitea or Forgejo, the first one choosing the event: an event whose
 * texts have the promised form, or an error with a text. The same bytes as an answer: a kind of
 * review. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/gitea/gitea_dialect.h"
#include "vcs/gitea/gitea_rules.h"
#include "vcs/web/web_event.h"
#include "vcs/web/web_names.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void judge(const char *text, size_t length)
{
	struct arena arena = { 0 };
	struct host_facts facts = { 0 };
	_cleanup_json_ json_t *json = NULL;
	struct gitea_answers answers = { .own = "sluice/" };
	struct err err;

	if (jsonx_parse(text, length, 1 << 20, &json, &err) < 0)
		return;
	answers.pull = web_at(json, "pull_request");
	answers.reviews = web_at(json, "reviews");
	answers.branch = web_at(json, "branch");
	answers.protection = web_at(json, "protection");
	answers.statuses = web_at(json, "statuses");
	gitea_rules_judge(&answers, &arena, &facts);
	if ((facts.mergeable == WORD_YES) != (facts.mergeable_why[0] == '\0'))
		abort();
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct web_site site = { .dialect = &gitea_dialect,
		.host = "gitea",
		.web_url = "https://code.acme.test",
		.login = "planner" };
	static const char *const topics[] = { "pull_request", "pull_request_sync", "issue_comment",
		"pull_request_comment", "pull_request_review_approved", "pull_request_rejected",
		"push" };
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
	if (r == 0 && event.kind != VCS_IGNORED &&
		(!gitea_repo_is_valid(event.repo) || !gitea_login_is_valid(event.actor) ||
			event.number <= 0 || strchr(event.title, '\n') != NULL ||
			(event.head[0] != '\0' && (!codec_is_hex(event.head, 40) ||
							  !web_ref_is_valid(event.base_ref)))))
		abort();
	arena_release(&arena);
	judge((const char *)bytes + 1, length - 1);
	return 0;
}
