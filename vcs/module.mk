# vcs: sluice-git reads repositories and is a program of its own; vcs/local is the embedded host and is part of sluice.
ARCHIVES += vcs_git
vcs_git_SRCS := $(addprefix vcs/git/,adopt.c base_scan.c changed.c config_files.c door.c export.c facts_cache.c folder.c history.c libgit.c manifest.c merge.c merge_commit.c mirror.c owners.c \
	module_cache.c module_scan.c modules.c names.c people.c prepare.c tree_check.c warnings.c)
vcs_git_PKGS := libgit2 jansson

PROGRAMS += sluice-git
sluice-git_MAIN := vcs/git/main.c
sluice-git_USES := vcs_git model lib_yaml lib

ARCHIVES += vcs_local
vcs_local_SRCS := $(addprefix vcs/local/,local_actions.c local_door.c local_event.c local_facts.c local_host.c local_issues.c local_merge.c local_names.c \
	local_places.c local_pulls.c local_repo.c)
vcs_local_PKGS := jansson libcrypto

ARCHIVES += vcs_github
vcs_github_SRCS := $(wildcard vcs/web/*.c vcs/github/*.c)
vcs_github_PKGS := jansson libcrypto

# Gitea's archive, which uses vcs/web too, comes before vcs_github where programs are linked
ARCHIVES += vcs_gitea
vcs_gitea_SRCS := vcs/hosts.c $(wildcard vcs/gitea/*.c)
vcs_gitea_PKGS := jansson
