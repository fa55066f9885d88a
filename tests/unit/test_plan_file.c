/* links: runner model lib */
/* Saved plans that terraform and tofu really wrote, held against the folder they were made in and
 * against folders that somebody changed. */
#include "tests/lib/cases.h"

#include "orchestrator/lib/jsonx.h"
#include "runners/output.h"
#include "runners/plan_file.h"
#include "runners/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct file {
	const char *path, *text;
} files[] = {
	{ "p/main.tf",
		"terraform {\n  required_providers { null = { source = \"hashicorp/null\" } }\n}\n"
		"variable \"x\" { default = \"1\" }\nmodule \"a\" { source = \"./mod\" }\n"
		"module \"b\" { source = \"./mod\" }\n"
		"resource \"terraform_data\" \"r\" { input = var.x }\n" },
	{ "p/j.tf.json", "{\"variable\":{\"y\":{\"default\":\"2\"}}}\n" },
	{ "p/terraform.tfvars", "x=\"3\"\n" },
	{ "p/mod/m.tf",
		"resource \"terraform_data\" \"q\" { input = file(\"${path.module}/t.txt\") }\n"
		"module \"in\" { source = \"./in\" }\n" },
	{ "p/mod/t.txt", "hi\n" },
	{ "p/mod/in/x.tf", "resource \"terraform_data\" \"z\" {}\n" },
};

static void write_file(int folder, const char *path, const char *text)
{
	_cleanup_fd_ int fd = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int make_tree(void)
{
	int folder;

	cases_need_openat2();
	tree_remove(AT_FDCWD, cases_folder());
	assert_int_equal(mkdir(cases_folder(), 0755), 0);
	folder = open(cases_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder >= 0);
	assert_int_equal(mkdirat(folder, "p", 0755), 0);
	assert_int_equal(mkdirat(folder, "p/mod", 0755), 0);
	assert_int_equal(mkdirat(folder, "p/mod/in", 0755), 0);
	for (size_t i = 0; i < countof(files); i++)
		write_file(folder, files[i].path, files[i].text);
	return folder;
}

static char *read_plan(const char *name, size_t *ret_length)
{
	_cleanup_free_ char *path = mem_printf("tests/fuzz/corpora/plan_file/%s", name);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	char *bytes;

	assert_int_equal(fstat(fd, &stat), 0);
	bytes = mem_alloc((size_t)stat.st_size + 1);
	*ret_length = (size_t)stat.st_size;
	assert_int_equal(read(fd, bytes, *ret_length), *ret_length);
	return bytes;
}

/* The exit code; 0: *ret is the list, 1: *ret is a text; owned by the caller. */
static int list_plan(const char *bytes, size_t length, char **ret)
{
	_cleanup_fd_ int in = memfd_create("plan", MFD_CLOEXEC),
			 out = memfd_create("list", MFD_CLOEXEC);
	size_t answer_length;
	struct err err;
	int code;

	assert_int_equal(write(in, bytes, length), length);
	code = plan_file_list(in, out);
	assert_ok(output_read_fd(out, PLAN_FILE_LIST_MAX, ret, &answer_length, &err), &err);
	return code;
}

static json_t *list_of(const char *name)
{
	size_t length;
	_cleanup_free_ char *bytes = read_plan(name, &length), *text = NULL;
	json_t *list = NULL;
	struct err err;

	assert_int_equal(list_plan(bytes, length, &text), 0);
	assert_ok(jsonx_parse(text, strlen(text), PLAN_FILE_LIST_MAX, &list, &err), &err);
	return list;
}

/* ---- changed folders ---- */

static void nothing(_unused_ int folder)
{
}
static void edit_root(int folder)
{
	write_file(folder, "p/main.tf", "resource \"terraform_data\" \"evil\" {}\n");
}
static void edit_module(int folder)
{
	write_file(folder, "p/mod/in/x.tf", "# nothing\n");
}
static void add_file(int folder)
{
	write_file(folder, "p/mod/more.tf", "# more\n");
}
static void add_json(int folder)
{
	write_file(folder, "p/more.tf.json", "{}");
}
static void add_other_files(int folder)
{
	write_file(folder, "p/README.md", "");
	write_file(folder, "p/.hidden.tf", "");
	write_file(folder, "p/terraform.tfvars", "x = \"4\"\n");
}
static void take_file(int folder)
{
	assert_int_equal(unlinkat(folder, "p/j.tf.json", 0), 0);
}
static void take_module(int folder)
{
	assert_int_equal(renameat(folder, "p/mod/in", folder, "p/mod/out"), 0);
}
static void link_file(int folder)
{
	assert_int_equal(renameat(folder, "p/main.tf", folder, "main.tf"), 0);
	assert_int_equal(symlinkat("../main.tf", folder, "p/main.tf"), 0);
}
static void link_module(int folder)
{
	assert_int_equal(renameat(folder, "p/mod/in", folder, "in"), 0);
	assert_int_equal(symlinkat("../../in", folder, "p/mod/in"), 0);
}
static void link_outside(int folder)
{
	_cleanup_free_ char *outside = mem_printf("%s.outside", cases_folder());

	write_file(AT_FDCWD, outside, files[0].text);
	assert_int_equal(unlinkat(folder, "p/main.tf", 0), 0);
	assert_int_equal(symlinkat(outside, folder, "p/main.tf"), 0);
}

static const struct change_case {
	const char *name;
	void (*change)(int folder);
	const char *said; /* NULL: they are the same */
} changes[] = {
	{ "the same", nothing, NULL },
	{ "files that are no configuration", add_other_files, NULL },
	{ "another text in the root", edit_root, "./main.tf is not as in this commit" },
	{ "another text in a module's module", edit_module, "mod/in/x.tf is not as" },
	{ "a file that the plan did not see", add_file, "mod/more.tf was left out" },
	{ "a JSON file that the plan did not see", add_json, "./more.tf.json was left out" },
	{ "a file that is not there", take_file, "./j.tf.json is not as" },
	{ "a module that is not there", take_module, "mod/in/ is not a folder" },
	{ "a link to the same file", link_file, NULL },
	{ "a link to the same module", link_module, NULL },
	{ "a link out of the tree, to the same text", link_outside, "./main.tf is not as" },
};

static void finds_every_change(void **state)
{
	static const char *const tools[] = { "terraform", "tofu" };
	const struct change_case *row = *state;

	for (size_t i = 0; i < countof(tools); i++) {
		_cleanup_fd_ int folder = make_tree(); /* first: it may skip the case */
		_cleanup_json_ json_t *list = list_of(tools[i]);
		_cleanup_strvec_ struct strvec differences = { 0 };
		bool is_said = false;
		struct err err;

		row->change(folder);
		assert_ok(plan_file_check(list, folder, "p", -1, &differences, &err), &err);
		for (size_t k = 0; k < differences.count; k++)
			is_said = is_said || strstr(differences.items[k],
						     row->said == NULL ? "" : row->said) != NULL;
		if (row->said == NULL)
			assert_int_equal(differences.count, 0);
		else
			assert_true(is_said);
	}
}

static void another_folder_is_not_the_same(_unused_ void **state)
{
	_cleanup_fd_ int folder = make_tree();
	_cleanup_json_ json_t *list = list_of("tofu");
	_cleanup_strvec_ struct strvec differences = { 0 };
	struct err err;

	assert_ok(plan_file_check(list, folder, "p/mod", -1, &differences, &err), &err);
	assert_true(differences.count >= 3);
	json_object_set_new(json_object_get(list, ""), "dir", json_string("elsewhere"));
	assert_err(plan_file_check(list, folder, "p", -1, &differences, &err), &err, ERR_SYNTAX,
		"another folder");
}

/* Modules that init brought stand in what init left, not in the tree. */
static void modules_from_elsewhere(_unused_ void **state)
{
	_cleanup_fd_ int folder = make_tree();
	_cleanup_json_ json_t *list = list_of("tofu");
	_cleanup_strvec_ struct strvec first = { 0 }, second = { 0 }, third = { 0 };
	struct err err;

	assert_int_equal(mkdirat(folder, "p/.terraform", 0755), 0);
	assert_int_equal(mkdirat(folder, "p/.terraform/modules", 0755), 0);
	assert_int_equal(mkdirat(folder, "p/.terraform/modules/b", 0755), 0);
	write_file(folder, "p/.terraform/modules/b/m.tf", files[3].text);
	json_object_set_new(json_object_get(list, "b"), "dir", json_string(".terraform/modules/b"));
	assert_ok(plan_file_check(list, folder, "p", -1, &first, &err), &err);
	assert_int_equal(first.count, 1);
	_cleanup_fd_ int layer = openat(folder, "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_ok(plan_file_check(list, folder, "p", layer, &second, &err), &err);
	assert_int_equal(second.count, 0);
	json_object_set_new(
		json_object_get(list, "b"), "dir", json_string(".terraform/../../p/mod"));
	assert_ok(plan_file_check(list, folder, "p", layer, &third, &err), &err);
	assert_int_equal(third.count, 1);
}

/* Another process renames a file of its own all the time, somewhere else. */
static pid_t begin_renaming(int folder)
{
	pid_t pid;

	write_file(folder, "one", "");
	pid = fork();
	assert_true(pid >= 0);
	while (pid == 0)
		if (renameat(folder, "one", folder, "two") < 0 ||
			renameat(folder, "two", folder, "one") < 0)
			_exit(1);
	return pid;
}

static void names_that_change_elsewhere(_unused_ void **state)
{
	_cleanup_fd_ int folder = make_tree();
	enum { TIMES = 200000 };
	int opened = 0, status;
	pid_t pid;

	link_module(folder);
	pid = begin_renaming(folder);
	for (int i = 0; i < TIMES; i++) {
		_cleanup_fd_ int fd = tree_open_inside(folder, "p/mod/in", O_PATH);

		opened += fd >= 0;
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(opened, TIMES);
}

/* ---- files that are no plan ---- */

static const struct refused_case {
	const char *name, *said;
} refused[] = {
	{ "twice", "a name twice" },
	{ "module-not-listed", "does not list" },
	{ "a-way-out", "strange" },
};

static void refuses(void **state)
{
	const struct refused_case *row = *state;
	size_t length;
	_cleanup_free_ char *bytes = read_plan(row->name, &length), *text = NULL;

	assert_int_equal(list_plan(bytes, length, &text), 1);
	assert_contains(text, row->said);
}

/* Whatever byte is changed, and wherever it is cut: an error, or a list that says what is in it. */
static void no_byte_can_lie(_unused_ void **state)
{
	size_t length;
	_cleanup_free_ char *bytes = read_plan("terraform", &length), *good = NULL;
	size_t same = 0;

	assert_int_equal(list_plan(bytes, length, &good), 0);
	for (size_t i = 0; i < length; i++) {
		_cleanup_free_ char *text = NULL, *cut = NULL;

		bytes[i] ^= 1;
		if (list_plan(bytes, length, &text) == 0)
			same += str_equal(text, good);
		bytes[i] ^= 1;
		assert_int_equal(list_plan(bytes, i, &cut), 1);
	}
	assert_true(same > 0); /* times and the binary plan are not ours to read */
}

int main(int argc, char **argv)
{
	CASES(changes, finds_every_change);
	CASE(another_folder_is_not_the_same);
	CASE(modules_from_elsewhere);
	CASE(names_that_change_elsewhere);
	CASES(refused, refuses);
	CASE(no_byte_can_lie);
	return cases_run(argc, argv);
}
