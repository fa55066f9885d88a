/* The composition root. The launcher is started before any secret is read and before the
 * database is open; then memory, hosts, engine, doors. Nothing below this file knows more than its
 * own layer. */
#include "orchestrator/serve.h"

#include "config/effective.h"
#include "config/server_config.h"
#include "orchestrator/cli.h"
#include "orchestrator/engine/engine.h"
#include "orchestrator/http/http.h"
#include "orchestrator/lib/codec.h"
#include "orchestrator/lib/fault.h"
#include "orchestrator/lib/issuer.h"
#include "orchestrator/lib/jsonx.h"
#include "orchestrator/lib/log.h"
#include "orchestrator/lib/sd_notify.h"
#include "orchestrator/lib/seal.h"
#include "orchestrator/lib/secrets.h"
#include "orchestrator/lib/statsd.h"
#include "orchestrator/lib/strbuf.h"
#include "orchestrator/notify/notify.h"
#include "orchestrator/serve_anchors.h"
#include "orchestrator/serve_settings.h"
#include "orchestrator/store/store.h"
#include "runners/executor_local.h"
#include "vcs/hosts.h"
#include "vcs/local/local_host.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { SECRET_HEX = 64 };

struct server {
	struct serve_settings settings;
	struct loop *loop;
	struct loop_check *turn;
	struct loop_timer *wake;
	struct loop_signal *on_int, *on_term, *on_hup;
	struct store *store;
	struct shelf shelf;
	struct entropy entropy;
	struct local_host *local;
	struct vcs_host **hosts; /* NULL-ended */
	struct executor *executor;
	struct notifier *notifier;
	json_t *sandbox; /* what the launcher said of it */
	struct issuer *issuer;
	struct seal seal;
	struct engine *engine;
	struct http *http;
	struct statsd *statsd; /* or NULL: none is configured */
	struct anchors *anchors;
	bool is_started;
	bool is_unfit;
};

static size_t read_gauges(void *owner, struct gauge ret[GAUGES_MAX])
{
	const struct server *server = owner;

	return http_gauges(server->http, ret);
}

/* Figures go where the newest settings say. */
static void start_statsd(struct server *server)
{
	const struct metrics_settings *metrics = &server->settings.current->metrics;
	_cleanup_strbuf_ struct strbuf tags = STRBUF(4096);

	for (size_t i = 0; i < metrics->statsd_tags.count; i++)
		strbuf_printf(&tags, "%s%s", i == 0 ? "" : ",", metrics->statsd_tags.list[i]);
	statsd_free(server->statsd);
	server->statsd = str_empty(metrics->statsd_host)
				 ? NULL
				 : statsd_new(server->loop,
					   &(struct statsd_options){ metrics->statsd_host,
						   metrics->statsd_port, strbuf_text(&tags),
						   metrics->statsd_every_ms, read_gauges, server });
}

/* ---- the world, as the engine wants it ---- */

static void fill_entropy(_unused_ const struct entropy *entropy, void *out, size_t length)
{
	codec_random(out, length);
}

static void on_wake_wish(void *owner, int64_t delay_ms)
{
	struct server *server = owner;

	if (delay_ms <= 0)
		loop_check_wake(server->turn);
	else
		loop_timer_arm(server->wake, delay_ms);
}

static void on_turn(void *owner)
{
	struct server *server = owner;

	if (server->is_started)
		engine_turn(server->engine);
}

static void on_wake_timer(void *owner)
{
	struct server *server = owner;

	loop_check_wake(server->turn);
}

static void on_tell(_unused_ void *owner, bool is_problem, const char *what, const struct err *err)
{
	if (err != NULL)
		log_at(is_problem ? LOG_WARN : LOG_INFO, what, log_err(err));
	else
		log_at(is_problem ? LOG_WARN : LOG_INFO, what);
}

static void on_notice(_unused_ void *owner, const char *text)
{
	log_warn(text);
}

/* Tested after the doors were opened, before the first job: what came in waits in the inbox. */
static void on_unfit(void *owner, const char *text)
{
	struct server *server = owner;

	log_error(text);
	server->is_unfit = true;
	loop_stop(server->loop);
}

static void on_stop(void *owner)
{
	struct server *server = owner;

	loop_stop(server->loop);
}

static const char *why_not_ready(void *owner)
{
	const struct server *server = owner;

	return server->is_started ? NULL : "starting";
}

/* In the words of the launcher, not of the configuration. */
static int sandbox_tier(void *owner)
{
	const struct server *server = owner;
	const char *tier = json_string_value(json_object_get(server->sandbox, "tier"));

	return tier == NULL || str_equal(tier, "none") ? 0 : str_equal(tier, "landlock") ? 1 : 2;
}

/* ---- the configuration, again ---- */

static const char *warning(void *owner)
{
	const struct server *server = owner;

	return server->settings.refused;
}

/* The files of secrets once more, for each host that runs. */
static int read_host_secrets(struct server *server, const struct settings *next, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < next->host_count; i++) {
		for (struct vcs_host **host = server->hosts; r == 0 && *host != NULL; host++) {
			if ((*host)->reread != NULL &&
				str_equal((*host)->name, next->hosts[i].name))
				r = (*host)->reread(*host, &next->hosts[i], err);
		}
	}
	if (r < 0)
		serve_settings_refuse(&server->settings, err);
	return r;
}

/* All parts or none: what may fail comes first. */
static int reload(void *owner, int64_t *ret_generation, struct err *err)
{
	struct server *server = owner;
	struct settings *next = NULL;
	int r = serve_settings_next(&server->settings, &next, err);

	if (r == 0)
		r = read_host_secrets(server, next, err);
	if (r == 0 && settings_use_identities(next)) {
		r = issuer_ready(server->issuer, err);
		if (r < 0)
			serve_settings_refuse(&server->settings, err);
	}
	if (r == 0)
		r = engine_reload(server->engine, next, err);
	for (struct vcs_host **host = server->hosts; *host != NULL; host++) {
		if ((*host)->take != NULL)
			(*host)->take(*host, r == 0);
	}
	if (r < 0) {
		settings_unref(next);
		log_error("the configuration is not taken; the one before stays", log_err(err),
			log_str("errors", server->settings.refused));
		return r;
	}
	http_reload(server->http, next);
	serve_settings_take(&server->settings, next);
	start_statsd(server);
	*ret_generation = next->generation;
	log_info("the configuration was read again", log_int("generation", next->generation),
		log_str("sha256", next->digest));
	return 0;
}

/* The service manager waits for the second word. Without a file there is nothing to read: then the
 * terminal hung up, and the server ends with it. */
static void on_hup(void *owner)
{
	_cleanup_free_ char *begin = mem_printf("RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)clock_monotonic_ms(&clock_system) * 1000);
	struct server *server = owner;
	struct err err = { 0 };
	int64_t generation;

	if (server->settings.file == NULL) {
		on_stop(owner);
		return;
	}
	(void)!sd_notify(begin, &err);
	if (server->is_started)
		(void)!reload(server, &generation, &err);
	(void)!sd_notify("READY=1", &err);
}

/* ---- the shelf of the local host, in the store ---- */

static int shelf_begin(void *owner, struct err *err)
{
	return store_mark(owner, err);
}

static int shelf_end(void *owner, bool keep, struct err *err)
{
	if (keep)
		return store_keep(owner, err);
	store_undo(owner);
	return 0;
}

static int shelf_get(void *owner, const char *key, json_t **ret, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	const char *body = NULL;
	int r = store_shelf_get(owner, &arena, key, &body, err);

	return r < 0 ? r : jsonx_parse(body, strlen(body), 64 << 20, ret, err);
}

static int shelf_put(void *owner, const char *key, const json_t *document, struct err *err)
{
	_cleanup_free_ char *text = jsonx_text(document);

	return store_shelf_put(owner, key, text, err);
}

static int shelf_list(void *owner, const char *prefix, json_t **ret_array, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	json_t *array = json_array();
	const char **bodies = NULL;
	size_t count = 0;
	int r = store_shelf_list(owner, &arena, prefix, &bodies, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		json_t *document = NULL;

		r = jsonx_parse(bodies[i], strlen(bodies[i]), 64 << 20, &document, err);
		if (r == 0)
			json_array_append_new(array, document);
	}
	if (r < 0)
		json_decref(array);
	else
		*ret_array = array;
	return r;
}

static int shelf_next(void *owner, const char *counter, int64_t *ret, struct err *err)
{
	return store_counter_next(owner, counter, ret, err);
}

static int shelf_deliver(
	void *owner, const char *delivery_id, const char *body, size_t length, struct err *err)
{
	struct inbox_id id;

	return store_inbox_put(owner,
		&(struct inbox_row){ .host = "local",
			.topic = "",
			.delivery = delivery_id,
			.body = body,
			.length = length },
		&id, err);
}

static int local_door(void *owner, const char *method, const char *path, const char *body,
	size_t length, struct strbuf *answer, int *ret_status, struct err *err)
{
	struct server *server = owner;

	return local_handle(server->local, method, path, body, length, answer, ret_status, err);
}

/* ---- starting ---- */

static int read_secret(const char *data_dir, char *ret, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/local.secret", data_dir);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		codec_random_hex(ret, SECRET_HEX);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, ret, SECRET_HEX) != SECRET_HEX || fsync(fd) < 0)
			return err_sys(err, ERR_CONFIG, errno, "cannot write %s", path);
		return 0;
	}
	if (fd < 0 || read(fd, ret, SECRET_HEX) != SECRET_HEX)
		return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
			"%s cannot be read or is too short; remove it to have a new one made",
			path);
	ret[SECRET_HEX] = '\0';
	return 0;
}

/* Running the code of pull requests unguarded is something an operator says for one machine, by its
 * name, so that no copied file does it on another. */
static int check_sandbox(const struct sandbox_settings *sandbox, struct err *err)
{
	char name[256] = "";

	if (!str_equal(sandbox->mode, "none"))
		return 0;
	if (gethostname(name, sizeof(name) - 1) == 0 &&
		str_equal(sandbox->accept_unsandboxed, name)) {
		log_warn("there is no sandbox: pull requests run code as the user of this server");
		return 0;
	}
	return err_class_set(err, ERR_CONFIG, ERR_CLASS_CONFIG,
		"sandbox.mode is none: jobs would run the code of pull requests with all rights of "
		"this server; to accept that, write sandbox.i_accept_unsandboxed: %s",
		name);
}

/* What the operator names, else what PATH has. */
static const char *program_of(struct arena *arena, const char *named, const char *name)
{
	return named != NULL ? named : cli_in_path(arena, name);
}

static int start_executor(struct server *server, struct arena *arena, struct err *err)
{
	const struct settings *settings = server->settings.first;
	struct executor_local_options options = {
		.data_dir = settings->data_dir,
		.program = cli_beside(arena, "sluice-job"),
		.git = cli_beside(arena, "sluice-git"),
		.terraform = program_of(arena, settings->terraform_path, "terraform"),
		.opentofu = program_of(arena, settings->tofu_path, "tofu"),
		.conftest = program_of(arena, settings->conftest_path, "conftest"),
		.kustomize = program_of(arena, settings->kustomize_path, "kustomize"),
		.helm = program_of(arena, settings->helm_path, "helm"),
		.cli_config = settings->tool_cli_config,
		.issuer = server->issuer,
		.tools = settings->tool_folder,
		.sandbox = { .tier = settings->sandbox.mode,
			.require = str_equal(settings->sandbox.mode, "full")
					   ? settings->sandbox.require
					   : settings->sandbox.mode,
			.read = settings->sandbox.read,
			.write = settings->sandbox.write,
			.providers = settings->sandbox.providers,
			.modules = settings->sandbox.modules,
			.first_uid = settings->sandbox.first_uid,
			.uid_count = settings->sandbox.uids,
			.overrides = settings->sandbox.overrides,
			.override_count = settings->sandbox.override_count },
		.fault = getenv("SLUICE_JOB_FAULT"),
		.fault_log = getenv("SLUICE_JOB_FAULT_LOG"),
		.notice = on_notice,
		.unfit = on_unfit,
		.notice_owner = server,
	};

	if (options.program == NULL || options.git == NULL)
		return err_set(err, ERR_CONFIG,
			"sluice-job and sluice-git are not beside sluice; install all three");
	return executor_local_new(server->loop, &options, &server->executor, err);
}

/* The executor has it before there is a key: a launcher begins before there are secrets. */
static struct issuer *start_issuer(const struct settings *settings)
{
	_cleanup_free_ char *folder = mem_printf("%s/identity", settings->data_dir);

	return issuer_new(folder, &clock_system);
}

static void on_stored(_unused_ void *owner, _unused_ bool is_repeat, _unused_ const struct err *err)
{
}

static void local_wake(void *owner)
{
	struct server *server = owner;

	engine_after_commit(server->engine, on_stored, server);
}

static int start_local(struct server *server, struct arena *arena, struct err *err)
{
	char secret[SECRET_HEX + 1];
	struct local_host_options options = { .shelf = &server->shelf,
		.clock = &clock_system,
		.data_dir = server->settings.first->data_dir,
		.secret = secret,
		.program = cli_beside(arena, "sluice"),
		.loop = server->loop,
		.git_program = cli_beside(arena, "sluice-git"),
		.wake = local_wake,
		.owner = server };
	int r;

	server->shelf = (struct shelf){ .owner = server->store,
		.begin = shelf_begin,
		.end = shelf_end,
		.get = shelf_get,
		.put = shelf_put,
		.list = shelf_list,
		.next = shelf_next,
		.deliver = shelf_deliver };
	if (!server->settings.first->local_host)
		return 0;
	r = read_secret(server->settings.first->data_dir, secret, err);
	if (r == 0)
		secrets_add(secret);
	if (r == 0)
		r = local_host_new(&options, &server->local, err);
	if (r == 0)
		server->hosts[0] = local_host_port(server->local);
	return r;
}

static int start_hosts(struct server *server, struct arena *arena, struct err *err)
{
	const struct settings *settings = server->settings.first;
	struct hosts_options options = {
		.loop = server->loop, .clock = &clock_system, .tell = on_tell
	};
	size_t count;
	int r;

	server->hosts = mem_alloc((settings->host_count + 2) * sizeof(*server->hosts));
	r = start_local(server, arena, err);
	count = server->hosts[0] != NULL;
	for (size_t i = 0; r == 0 && i < settings->host_count; i++)
		r = hosts_open(&settings->hosts[i], &options, &server->hosts[count++], err);
	return r;
}

static void stop_hosts(struct server *server)
{
	for (size_t i = 0; server->hosts != NULL && server->hosts[i] != NULL; i++) {
		if (server->hosts[i]->free != NULL)
			server->hosts[i]->free(server->hosts[i]);
	}
	local_host_free(server->local);
	free(server->hosts);
}

static int start_engine(struct server *server, struct err *err)
{
	_cleanup_free_ char *key = mem_printf("%s/plans.key", server->settings.first->data_dir);
	int r = notify_new(server->loop, &server->notifier, err);
	struct engine_world world = { .clock = &clock_system,
		.entropy = &server->entropy,
		.seal = &server->seal,
		.settings = server->settings.current,
		.config = &config_file_reader,
		.executor = server->executor,
		.hosts = server->hosts,
		.notifier = server->notifier,
		.wake = on_wake_wish,
		.tell = on_tell,
		.owner = server };

	if (r == 0)
		r = seal_open(key, &server->seal, err);
	server->entropy.fill = fill_entropy;
	return r < 0 ? r : engine_new(server->store, &world, &server->engine, err);
}

static int start_http(struct server *server, struct err *err)
{
	static struct http_door doors[2];
	struct http_options options = { .loop = server->loop,
		.engine = server->engine,
		.store = server->store,
		.settings = server->settings.current,
		.doors = doors,
		.issuer = server->issuer,
		.why_not_ready = why_not_ready,
		.warning = warning,
		.sandbox_tier = sandbox_tier,
		.reload = reload,
		.owner = server };

	if (server->local != NULL)
		doors[0] = (struct http_door){
			.prefix = "/local/", .handle = local_door, .owner = server
		};
	return http_new(&options, &server->http, err);
}

static int start(struct server *server, struct err *err)
{
	_cleanup_(arena_release) struct arena arena = { 0 };
	_cleanup_free_ char *database = mem_printf(
		"%s/sluice.db", server->settings.first->data_dir);
	int r;

	server->loop = loop_new();
	server->turn = loop_check_new(server->loop, on_turn, server);
	server->wake = loop_timer_new(server->loop, on_wake_timer, server);
	server->on_int = loop_signal_new(server->loop, SIGINT, on_stop, server);
	server->on_term = loop_signal_new(server->loop, SIGTERM, on_stop, server);
	server->on_hup = loop_signal_new(server->loop, SIGHUP, on_hup, server);
	r = check_sandbox(&server->settings.first->sandbox, err);
	server->issuer = start_issuer(server->settings.first);
	if (r == 0)
		r = start_executor(server, &arena, err);
	if (r == 0)
		r = store_open(database, &clock_system, &server->store, err);
	if (r == 0)
		r = start_hosts(server, &arena, err);
	if (r == 0 && settings_use_identities(server->settings.first))
		r = issuer_ready(server->issuer, err);
	if (r == 0)
		r = start_engine(server, err);
	if (r == 0)
		r = executor_local_await(server->executor, &server->sandbox, err);
	if (r == 0)
		r = engine_start(server->engine, err);
	if (r == 0)
		r = start_http(server, err);
	if (r == 0)
		start_statsd(server);
	server->is_started = r == 0;
	return r;
}

static void finish(struct server *server)
{
	struct err ignored; /* what was not stored is found again by the next start */

	if (server->is_started) {
		engine_turn(server->engine); /* what was brought is stored and answered */
		(void)!store_commit(server->store, &ignored);
	}
	statsd_free(server->statsd);
	anchors_free(server->anchors);
	http_free(server->http);
	engine_free(server->engine);
	executor_local_free(server->executor);
	issuer_free(server->issuer);
	seal_release(&server->seal);
	json_decref(server->sandbox);
	stop_hosts(server);
	notify_free(server->notifier);
	store_close(server->store);
	loop_signal_free(server->on_int);
	loop_signal_free(server->on_term);
	loop_signal_free(server->on_hup);
	loop_timer_free(server->wake);
	loop_check_free(server->turn);
	loop_free(server->loop);
}

/* A small process stays small: one arena, freed pages go back. */
static void be_frugal_and_private(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 128 << 10);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)umask(0077);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error like a full disk */
}

static void say_ready(const struct server *server)
{
	struct err ignored; /* no service manager is no problem */

	for (size_t i = 0; i < server->settings.first->note_count; i++)
		log_warn("a key of the configuration is not in force",
			log_str("key", server->settings.first->notes[i].path),
			log_int("line", server->settings.first->notes[i].at.line));
	log_info("ready", log_str("address", server->settings.first->listen_host),
		log_int("port", http_port(server->http)),
		log_str("data", server->settings.first->data_dir));
	(void)!sd_notify("READY=1", &ignored);
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "try: sluice repo add NAME   (in another terminal; sluice "
				      "--help lists more)\n");
}

int serve(const struct serve_options *options)
{
	struct server server = { .settings = { .file = options->config,
					 .data_wish = options->data_dir } };
	struct err err = { 0 }, ignored;
	int r;

	be_frugal_and_private();
	fault_init(getenv("SLUICE_FAULT"), getenv("SLUICE_FAULT_LOG"));
	log_open(LOG_INFO, isatty(STDERR_FILENO));
	r = serve_settings_start(&server.settings, &err);
	if (r == 0)
		r = start(&server, &err);
	if (r < 0) {
		if (server.settings.refused != NULL)
			(void)fprintf(stderr, "%s\n", server.settings.refused);
		else
			log_error("the server cannot start", log_err(&err));
		if (server.loop != NULL)
			finish(&server);
		serve_settings_release(&server.settings);
		return CLI_UNFIT;
	}
	server.anchors = anchors_new(server.loop, server.store, server.settings.first->data_dir);
	malloc_trim(0);
	say_ready(&server);
	loop_check_wake(server.turn);
	loop_run(server.loop);
	(void)!sd_notify("STOPPING=1", &ignored);
	finish(&server);
	serve_settings_release(&server.settings);
	if (server.is_unfit)
		return CLI_UNFIT;
	log_info("stopped; running applies go on without the server");
	return CLI_DONE;
}
