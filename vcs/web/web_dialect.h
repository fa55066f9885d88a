/* What differs between the servers that speak GitHub's API: GitHub itself (../github), and Gitea
 * with Forgejo (../gitea), whose API was made after it. One table for each; no decisions. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/model/vcs_event.h"
#include <jansson.h>

struct web_signature_header {
	const char *name, *prefix; /* "sha256=", or "" */
};

struct web_dialect {
	const char *title; /* "GitHub": in texts for people */

	/* webhooks: of several headers the first one that is there holds */
	const struct web_signature_header *signature_headers; /* all end with a NULL */
	const char *const *topic_headers, *const *delivery_headers;
	bool takes_forms; /* the signature is of the form, not of the JSON within it */
	const struct web_topic *topics;
	bool (*login_is_valid)(const char *login);
	bool (*repo_is_valid)(const char *name); /* "owner/name" */
	/* Fork and draft; the rest has been read. */
	void (*pull_more)(const json_t *pull, struct vcs_event *ret);

	/* calls */
	const char *authorization;    /* the word before the token */
	const char *const *headers;   /* of each call; NULL-ended */
	const char *page_size;	      /* of a list: "per_page=100" */
	const char *comment_list;     /* the same with "?", or "": comments come all at once */
	size_t description_bytes_max; /* of a status */
	bool minimizes;		      /* comments can be folded by a call; else by their text */
	/* What a review in a list says; VCS_IGNORED: nothing. */
	enum vcs_event_kind (*review_kind)(const json_t *review);
	/* Deliveries do not say which review they are about, and nothing is delivered when one is
	 * dismissed: reviews are read when they matter. */
	bool hides_reviews;
	bool pull_has_tip; /* base.sha of a pull request is where that branch stands now */

	/* Only administrators of a repository may ask who may write. */
	bool asks_as_admin;
	bool has_rulesets;	     /* besides the protection of branches */
	const char *branch_contexts; /* where a branch names the statuses that it waits for */

	/* who pushed: a list of what happened in a repository, the newest first */
	const char *feed;
	bool feed_is_of_branch; /* it can be asked for one branch; else it is of all of them */
	/* Of one of its entries: who brought this commit to this branch; "": it does not say. */
	const char *(*pusher)(const json_t *one, const char *branch, const char *head);

	/* labels and issues */
	bool labels_have_ids;  /* a pull request gets a label by its number; else by its name */
	const char *issues_of; /* of a list of issues: all of them by the person that follows */

	/* merging */
	const char *merge_call; /* "PUT" */
	const char *merge_style_key, *merge_head_key;
	/* Of a repository: how it merges when nobody says how. */
	const char *(*merge_style)(const json_t *repo);
	const char *branch_path; /* what is deleted, behind the repository's path */
	const char *branch_oid;	 /* where a branch says its commit */
};
