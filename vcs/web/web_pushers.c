/* Who brought a commit to a branch: looked up in what the host keeps of its past. */
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/jsonx.h"
#include "vcs/web/web_inside.h"
#include "vcs/web/web_names.h"
#include <string.h>

enum { FEED_PAGES = 3 }; /* of all branches: what is further down is not known */

static void ask(struct web_order *order);

/* The newest entry that says so: the branch may have been there before. */
static const char *find(const struct web_order *order, const json_t *list)
{
	const struct web_dialect *dialect = order->host->site.dialect;
	const char *found = "";
	size_t i;

	for (i = 0; i < json_array_size(list) && found[0] == '\0'; i++)
		found = dialect->pusher(
			json_array_get(list, i), order->request.branch, order->request.head);
	return dialect->login_is_valid(found) ? found : "";
}

static void on_feed(void *owner, const struct web_result *result, const struct err *err)
{
	struct web_order *order = owner;
	const char *login = err == NULL ? find(order, result->json) : "";

	if (err != NULL) {
		order_failed(order, result, err);
		return;
	}
	if (login[0] == '\0' && !order->host->site.dialect->feed_is_of_branch &&
		json_array_size(result->json) > 0 && ++order->page_count < FEED_PAGES) {
		ask(order);
		return;
	}
	if (login[0] != '\0') {
		order->events = arena_alloc(&order->arena, sizeof(*order->events));
		*order->events = (struct vcs_event){ .kind = VCS_PULL_PUSHED,
			.head = order->request.head,
			.actor = arena_strdup(&order->arena, login) };
		order->event_count = 1;
	}
	order_done(order);
}

static void ask(struct web_order *order)
{
	const struct web_dialect *dialect = order->host->site.dialect;
	_cleanup_free_ char *branch = codec_url_word(order->request.branch);
	const char *of = dialect->feed_is_of_branch
				 ? order_path(order, "ref=refs%%2Fheads%%2F%s", branch)
				 : order_path(order, "page=%d", order->page_count + 1);

	web_client_ask(order->host->client,
		&(struct web_ask){ .method = "GET",
			.path = order_path(order, "/repos/%s/%s?%s&%s", order->request.repo,
				dialect->feed, of, dialect->page_size),
			.repo = order->request.repo,
			.priority = WEB_NORMAL },
		on_feed, order);
}

void pusher_find(struct web_order *order)
{
	if (str_empty(order->request.branch) || !web_ref_is_valid(order->request.branch) ||
		str_empty(order->request.head) || !codec_is_hex(order->request.head, OID_HEX))
		order_done(order);
	else
		ask(order);
}
