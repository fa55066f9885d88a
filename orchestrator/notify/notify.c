/* Errands: which kind of channel, one call after the other, and what an answer means. */
#include "orchestrator/notify/private.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/secret_file.h"
#include "orchestrator/lib/secrets.h"

#include <stdarg.h>
#include <string.h>

enum { KNOWN_MAX = 256 };

struct notify {
	struct notifier port;
	struct http_client *client;
	struct list errands;
	struct sha256 known[KNOWN_MAX]; /* secrets that the mask has */
	size_t known_count;
};

static const struct channel_kind *const kinds[] = { &notify_slack, &notify_webhook, &notify_mail,
	&notify_ping };

/* ---- what kinds use ---- */

static void mask_once(struct notify *notify, const char *text, size_t length)
{
	struct sha256 hash;

	codec_sha256(text, length, &hash);
	for (size_t i = 0; i < notify->known_count; i++) {
		if (memcmp(&notify->known[i], &hash, sizeof(hash)) == 0)
			return;
	}
	if (notify->known_count < KNOWN_MAX)
		notify->known[notify->known_count++] = hash;
	secrets_add(text);
}

int errand_secret(struct errand *errand, const char *path, const char *what, const char **ret,
	struct err *err)
{
	char *text = NULL;
	size_t length = 0;
	int r = secret_file_read(path, what, &text, &length, err);

	if (r < 0)
		return r;
	mask_once(errand->notify, text, length);
	*ret = arena_strndup(&errand->arena, text, length);
	secret_file_free(text);
	return 0;
}

const char **errand_headers(struct errand *errand, size_t count, ...)
{
	const char **headers = arena_alloc(&errand->arena, (count + 1) * sizeof(*headers));
	va_list arguments;

	va_start(arguments, count);
	for (size_t i = 0; i < count; i++)
		headers[i] = va_arg(arguments, const char *);
	va_end(arguments);
	return headers;
}

/* ---- the way ---- */

static void go(struct errand *errand);

static void end(struct errand *errand, const struct notifier_answer *answer, const struct err *err)
{
	notifier_done_cb done = errand->done;
	void *owner = errand->owner;

	list_remove(&errand->in_notify);
	done(owner, answer, err);
	arena_release(&errand->arena);
	free(errand);
}

/* What the other side may mean otherwise tomorrow is not said to be final. */
static int judge_status(int status, struct err *err)
{
	if (status >= 200 && status < 300)
		return 0;
	if (status == 408 || status == 429 || status >= 500)
		return err_class_set(err, ERR_NET, ERR_CLASS_TEMP,
			"the receiver answers with status %d", status);
	return err_class_set(err, ERR_NET, ERR_CLASS_CONFIG,
		"the receiver answers with status %d%s", status,
		status == 401 || status == 403	 ? "; is the secret still right?"
		: status == 404 || status == 410 ? "; does it still exist?"
		: status >= 300 && status < 400	 ? ", and redirects are not followed"
						 : "");
}

static void on_answer(void *owner, const struct http_answer *answer, const struct err *failure)
{
	struct errand *errand = owner;
	struct notifier_answer reply = { .thread = "" };
	struct err err;
	int r = 0;

	if (failure != NULL) {
		end(errand, &reply, failure);
		return;
	}
	reply.retry_ms = answer->retry_after_s * 1000;
	r = judge_status(answer->status, &err);
	if (r == 0 && errand->kind->read != NULL)
		r = errand->kind->read(errand, answer, &reply.thread, &err);
	if (r > 0)
		go(errand);
	else
		end(errand, &reply, r < 0 ? &err : NULL);
}

static void go(struct errand *errand)
{
	struct http_request call = { .timeout_ms = CALL_MS, .cap_bytes = ANSWER_MAX };
	struct err err;
	int r = errand->kind->make(errand, &call, &err);

	if (r == 0)
		r = http_client_send(errand->notify->client, &call, on_answer, errand, NULL, &err);
	if (r < 0)
		end(errand, &(struct notifier_answer){ .thread = "" }, &err);
}

static const struct channel_kind *kind_of(const struct notification *to)
{
	for (size_t i = 0; i < countof(kinds); i++) {
		if (str_equal(kinds[i]->name, to->kind))
			return kinds[i];
	}
	return NULL;
}

/* The settings may change while it is on its way; what is pointed to stays with the engine until it
 * is answered. */
static void send(struct notifier *notifier, const struct notifier_request *request,
	notifier_done_cb done, void *owner)
{
	struct errand *errand = mem_alloc(sizeof(*errand));

	errand->notify = container_of(notifier, struct notify, port);
	list_append(&errand->notify->errands, &errand->in_notify);
	errand->request = *request;
	errand->request.key = arena_strdup(&errand->arena, request->key);
	errand->request.event = arena_strdup(&errand->arena, request->event);
	errand->request.subject = arena_strdup(&errand->arena, request->subject);
	errand->request.body = arena_strdup(&errand->arena, request->body);
	errand->request.thread = arena_strdup(&errand->arena, request->thread);
	errand->secret = "";
	errand->done = done;
	errand->owner = owner;
	errand->kind = kind_of(request->to);
	if (errand->kind == NULL) {
		struct err err;

		err_set(&err, ERR_CONFIG, "there is no way to tell %s", request->to->kind);
		end(errand, &(struct notifier_answer){ .thread = "" }, &err);
		return;
	}
	go(errand);
}

int notify_new(struct loop *loop, struct notifier **ret, struct err *err)
{
	struct notify *notify = mem_alloc(sizeof(*notify));
	int r = http_client_new(loop, &notify->client, err);

	if (r < 0) {
		free(notify);
		return r;
	}
	notify->port.send = send;
	list_init(&notify->errands);
	*ret = &notify->port;
	return 0;
}

void notify_free(struct notifier *notifier)
{
	struct notify *notify = notifier == NULL ? NULL
						 : container_of(notifier, struct notify, port);

	if (notify == NULL)
		return;
	http_client_free(notify->client);
	list_for_each (item, &notify->errands) {
		struct err err;

		err_class_set(&err, ERR_NET, ERR_CLASS_TEMP, "the server stops");
		end(container_of(item, struct errand, in_notify),
			&(struct notifier_answer){ .thread = "" }, &err);
	}
	free(notify);
}
