/* Mail by SMTP. The message is plain text in base64, so that no line of it is too long, begins with
 * a dot or ends the headers; its id is made of the notice's key, so that a repeat is the same
 * message. */
#include "orchestrator/notify/private.h"

#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/lib/zone.h"

#include <string.h>

enum { MESSAGE_MAX = 2 << 20, LINE = 76, SUBJECT_PIECE = 42, ID_HEX = 32, DAY_S = 86400 };

/* Every subject as encoded words, each of whole characters and below 75 bytes. */
static void put_subject(struct strbuf *out, const char *subject)
{
	size_t length = strlen(subject);

	strbuf_puts(out, "Subject:");
	for (size_t at = 0; at < length;) {
		size_t most = length - at < SUBJECT_PIECE ? length - at : SUBJECT_PIECE;
		size_t piece = codec_utf8_prefix(subject + at, most);
		char text[SUBJECT_PIECE * 2];

		if (piece == 0) /* not UTF-8: byte by byte, the reader shows what it can */
			piece = 1;
		codec_base64((const uint8_t *)subject + at, piece, text);
		strbuf_printf(out, " =?UTF-8?B?%s?=\r\n", text);
		at += piece;
	}
	if (length == 0)
		strbuf_puts(out, " -\r\n");
}

static void put_date(struct strbuf *out, int64_t now_ms)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	int64_t s = now_ms / 1000;
	struct civil civil = civil_of(s / DAY_S);

	strbuf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[civil.weekday],
		civil.day, months[civil.month - 1], civil.year, (int)(s % DAY_S / 3600),
		(int)(s % 3600 / 60), (int)(s % 60));
}

static void put_body(struct strbuf *out, struct arena *arena, const char *body)
{
	size_t length = strlen(body);
	char *text = arena_alloc(arena, (length + 2) / 3 * 4 + 1);

	codec_base64((const uint8_t *)body, length, text);
	for (size_t at = 0; text[at] != '\0';) {
		size_t line = strnlen(text + at, LINE);

		strbuf_append(out, text + at, line);
		strbuf_puts(out, "\r\n");
		at += line;
	}
}

static const char *message_of(const struct errand *errand, struct arena *arena)
{
	const struct notification *to = errand->request.to;
	const char *host = strrchr(to->from, '@');
	_cleanup_strbuf_ struct strbuf out = STRBUF(MESSAGE_MAX);
	char id[SHA256_HEX];

	codec_sha256_hex(errand->request.key, strlen(errand->request.key), id);
	strbuf_printf(&out, "From: sluice <%s>\r\nTo: ", to->from);
	for (size_t i = 0; i < to->to.count; i++)
		strbuf_printf(&out, "%s%s", i == 0 ? "" : ",\r\n ", to->to.list[i]);
	strbuf_puts(&out, "\r\n");
	put_subject(&out, errand->request.subject);
	put_date(&out, errand->request.now_ms);
	strbuf_printf(&out, "Message-ID: <%.*s.sluice%s>\r\n", ID_HEX, id,
		host == NULL ? "@localhost" : host);
	strbuf_puts(&out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
			  "Content-Type: text/plain; charset=utf-8\r\n"
			  "Content-Transfer-Encoding: base64\r\n\r\n");
	put_body(&out, arena, errand->request.body);
	return arena_strdup(arena, strbuf_text(&out));
}

static int make(struct errand *errand, struct http_request *ret, struct err *err)
{
	const struct notification *to = errand->request.to;
	struct http_mail *mail = arena_alloc(&errand->arena, sizeof(*mail));
	int r = 0;

	mail->from = to->from;
	mail->to = to->to.list;
	mail->to_count = to->to.count;
	mail->must_be_secret = to->starttls;
	if (!str_empty(to->user)) {
		mail->user = to->user;
		r = errand_secret(errand, to->secret_file, "the password of the mail server",
			&mail->password, err);
	}
	if (r < 0)
		return r;
	ret->method = "POST";
	ret->url = to->url;
	ret->mail = mail;
	ret->body = message_of(errand, &errand->arena);
	ret->length = strlen(ret->body);
	return 0;
}

const struct channel_kind notify_mail = { .name = "mail", .make = make };
