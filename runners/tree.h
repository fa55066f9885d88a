/* Folders as a whole: safe paths below a work tree, copies, removal. Owns nothing. */
#pragma once
#include "orchestrator/lib/err.h"
#include <sys/types.h>

/* Relative, no "..", no "//", not empty; "." is fine. */
bool tree_path_is_safe(const char *path);
/* openat2() that stays below base_fd and follows no symbolic link; -1 and errno. */
int tree_open_beneath(int base_fd, const char *path, int flags);
/* The same, but links that stay below base_fd are followed. */
int tree_open_inside(int base_fd, const char *path, int flags);
/* The project's folder, opened without ever following a symbolic link or leaving the tree. */
_must_check_ int tree_open_dir(const char *tree, const char *dir, struct err *err);
/* `dir`/`path` with "." and ".." resolved by their text; false when it leaves the tree. out: size.
 */
bool tree_join(const char *dir, const char *path, char *out, size_t size);
/* mkdir -p of a relative path below base_fd; refuses to pass through a symbolic link. */
_must_check_ int tree_make_dirs(int base_fd, const char *path, struct err *err);
/* Everything of `from` into `to`, which exists; symbolic links as such, other special files left
 * out. */
_must_check_ int tree_copy(int from_fd, int to_fd, struct err *err);
/* Removes dir_fd/name and what is below, whatever its modes are. Best effort. */
void tree_remove(int dir_fd, const char *name);
/* Everything in dir_fd and itself belongs to this user, and to the group with the user's rights. */
_must_check_ int tree_give(int dir_fd, uid_t uid, gid_t gid, struct err *err);
/* Only what belongs to this group already gets the user's rights for the group too. */
_must_check_ int tree_share(int dir_fd, gid_t gid, struct err *err);
