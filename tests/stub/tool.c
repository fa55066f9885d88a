/* A tool that behaves like Terraform as far as sluice looks, and does what main.tf tells it in
 * comments:
 *
 *   # stub: create=3 sleep=500 fail=plan hang=apply ignore-sigint ignore-sigterm flood=52428800
 *   # stub: daemon kill=plan apply-log=/path needs-init no-changes noise=200
 *
 * `sleep`, `flood`, `daemon`, the `ignore-*` and `noise` happen in plan and apply. Written in the
 * order of main(); static and quick to start, because the benches pay for it. */
#include "tests/stub/plan_zip.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char orders[16384];

/* The value of NAME=value among the orders, "" for a bare NAME, NULL when it is not there. */
static const char *order(const char *name, char *buf, size_t size)
{
	size_t length = strlen(name);

	for (const char *at = orders; (at = strstr(at, name)) != NULL; at += length) {
		if (at == orders || at[-1] != ' ')
			continue;
		if (at[length] == '=') {
			size_t bytes = strcspn(at + length + 1, " \n");

			snprintf(buf, size, "%.*s", (int)bytes, at + length + 1);
			return buf;
		}
		if (strchr(" \n", at[length]) != NULL) {
			buf[0] = '\0';
			return buf;
		}
	}
	return NULL;
}

static bool order_is(const char *name, const char *value)
{
	char buf[256];
	const char *found = order(name, buf, sizeof(buf));

	return found != NULL && strcmp(found, value) == 0;
}

static void read_orders(const char *file, bool all)
{
	static char text[65536];
	size_t used = strlen(orders);
	FILE *stream = fopen(file, "r");
	size_t length = stream == NULL ? 0 : fread(text, 1, sizeof(text) - 1, stream);

	if (stream != NULL)
		fclose(stream);
	text[length] = '\0';
	for (char *line = text; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n'), *mark;

		if (end != NULL)
			*end++ = '\0';
		mark = strstr(line, "# stub:");
		if (all || mark != NULL)
			used += (size_t)snprintf(orders + used, sizeof(orders) - used, " %s\n",
				mark != NULL ? mark + 7 : line);
		if (used >= sizeof(orders))
			used = sizeof(orders) - 1;
		line = end;
	}
}

static long number(const char *name, long fallback)
{
	char buf[256];

	return order(name, buf, sizeof(buf)) == NULL ? fallback : strtol(buf, NULL, 10);
}

static void sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void on_interrupt(int signum)
{
	static const char text[] = "\nInterrupt received.\nGracefully shutting down...\n";

	(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
	_exit(signum == SIGINT ? 1 : 130);
}

static void flood(long bytes)
{
	static char line[4096];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\n';
	for (; bytes > 0; bytes -= (long)sizeof(line))
		if (write(STDOUT_FILENO, line, sizeof(line)) < 0)
			return;
}

/* Lives on in the background with our output open. */
static void leave_daemon(void)
{
	if (fork() != 0)
		return;
	setsid();
	if (fork() != 0)
		_exit(0);
	sleep_ms(3600 * 1000);
	_exit(0);
}

static int misbehave(const char *verb)
{
	char buf[256];

	signal(SIGINT, order("ignore-sigint", buf, sizeof(buf)) != NULL ? SIG_IGN : on_interrupt);
	if (order("ignore-sigterm", buf, sizeof(buf)) != NULL)
		signal(SIGTERM, SIG_IGN);
	if (order("daemon", buf, sizeof(buf)) != NULL)
		leave_daemon();
	flood(number("flood", 0));
	for (long i = 0; i < number("noise", 0); i++)
		printf("line %ld of the noise\n", i);
	fflush(stdout);
	if (strcmp(verb, "init") != 0)
		sleep_ms(number("sleep", 0));
	if (order_is("hang", verb))
		for (;;)
			pause();
	if (order_is("kill", verb))
		raise(SIGKILL);
	if (!order_is("fail", verb))
		return 0;
	printf("\nError: the stub was told to fail\n\n  on main.tf line 1, in %s:\n\nBecause a "
	       "comment says so.\n",
		verb);
	return 1;
}

/* Addresses that the "state" knows: one per line of ./terraform.tfstate; enough to be kept and
 * found. */
static bool has_state(void)
{
	struct stat st;

	return stat("terraform.tfstate", &st) == 0 && st.st_size > 0;
}

static long planned(void)
{
	char buf[8];

	if (order("no-changes", buf, sizeof(buf)) != NULL ||
		(has_state() && order("keep-state", buf, sizeof(buf)) != NULL))
		return 0;
	return number("create", 1);
}

static int run_plan(int argc, char **argv)
{
	struct timespec now;
	long creates;
	char buf[8], plan[100];

	if (order("needs-init", buf, sizeof(buf)) != NULL && access(".terraform/stub", F_OK) < 0) {
		printf("Error: Required plugins are not installed\n\nRun: terraform init\n");
		return 1;
	}
	if (misbehave("plan") != 0)
		return 1;
	creates = planned();
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(plan, sizeof(plan), "stub plan %ld %ld.%09ld\n", creates, (long)now.tv_sec,
		now.tv_nsec);
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "-out=", 5) == 0 && plan_zip_write(argv[i] + 5, plan) < 0) {
			printf("Error: Failed to write the plan\n\n%s: %s\n", argv[i] + 5,
				strerror(errno));
			return 1;
		}
	}
	printf("\nPlan: %ld to add, 0 to change, 0 to destroy.\n", creates);
	return creates > 0 ? 2 : 0;
}

static long read_plan(const char *path)
{
	char plan[100];
	long creates = -1;

	if (path == NULL || plan_zip_read(path, plan, sizeof(plan)) < 0 ||
		sscanf(plan, "stub plan %ld", &creates) != 1)
		return -1;
	return creates;
}

static int run_show(int argc, char **argv)
{
	const char *path = argc > 2 && argv[argc - 1][0] != '-' ? argv[argc - 1] : NULL;
	long creates = read_plan(path);
	bool json = false;

	for (int i = 2; i < argc; i++)
		json = json || strcmp(argv[i], "-json") == 0;
	if (creates < 0)
		return 1;
	if (!json) {
		for (long i = 0; i < creates; i++)
			printf("  # stub_thing.x[%ld] will be created\n  + resource \"stub_thing\" "
			       "\"x\" {\n    }\n",
				i);
		printf("\nPlan: %ld to add, 0 to change, 0 to destroy.\n", creates);
		return 0;
	}
	printf("{\"format_version\":\"1.2\",\"terraform_version\":\"1.0.0-stub\",\"resource_"
	       "changes\":[");
	for (long i = 0; i < creates; i++)
		printf("%s{\"address\":\"stub_thing.x[%ld]\",\"mode\":\"managed\",\"type\":\"stub_"
		       "thing\","
		       "\"name\":\"x\",\"change\":{\"actions\":[\"create\"],\"before\":null,"
		       "\"after\":{},"
		       "\"after_unknown\":{\"id\":true}}}",
			i > 0 ? "," : "", i);
	printf("],\"configuration\":{\"root_module\":{}}}\n");
	return 0;
}

static void append_line(const char *path, long creates)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd < 0)
		return;
	dprintf(fd, "applied %ld\n", creates);
	close(fd);
}

static int run_apply(int argc, char **argv)
{
	long creates = read_plan(argv[argc - 1]);
	char path[256];
	FILE *state;

	if (creates < 0) {
		printf("Error: Failed to load the plan\n");
		return 1;
	}
	if (order("apply-log", path, sizeof(path)) != NULL)
		append_line(path, creates);
	if (misbehave("apply") != 0)
		return 1;
	state = fopen("terraform.tfstate", "w");
	if (state != NULL) {
		fprintf(state, "%ld things\n", creates);
		fclose(state);
	}
	printf("\nApply complete! Resources: %ld added, 0 changed, 0 destroyed.\n", creates);
	return 0;
}

static int run_init(void)
{
	int fd;

	if (misbehave("init") != 0)
		return 1;
	mkdir(".terraform", 0755);
	fd = open(".terraform/stub", O_WRONLY | O_CREAT, 0644);
	if (fd < 0) {
		printf("Error: Failed to install the plugins\n\n%s\n", strerror(errno));
		return 1;
	}
	close(fd);
	printf("Terraform has been successfully initialized!\n");
	return 0;
}

#ifdef __SANITIZE_ADDRESS__
/* In a sandbox nothing can look around for leaks. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	read_orders("main.tf", false);
	read_orders("stub.conf", true);
	if (strcmp(verb, "version") == 0) {
		printf(argc > 2 ? "{\"terraform_version\":\"1.0.0-stub\"}\n"
				: "Terraform v1.0.0-stub\n");
		return 0;
	}
	if (strcmp(verb, "init") == 0)
		return run_init();
	if (strcmp(verb, "workspace") == 0)
		return 0;
	if (strcmp(verb, "plan") == 0)
		return run_plan(argc, argv);
	if (strcmp(verb, "show") == 0)
		return run_show(argc, argv);
	if (strcmp(verb, "apply") == 0 || strcmp(verb, "destroy") == 0)
		return run_apply(argc, argv);
	printf("the stub does not know \"%s\"\n", verb);
	return 1;
}
