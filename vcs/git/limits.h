/* How much of a repository one call will look at. Passing a limit is an error with a text, never a
 * silence. */
#pragma once

enum {
	LIMIT_JOB_BYTES = 1 << 20,
	LIMIT_ANSWER_BYTES = 7 << 20, /* below what a result file may hold */
	LIMIT_ENTRIES = 200000,	      /* files, links and folders of one tree */
	LIMIT_DEPTH = 64,	      /* folders inside folders */
	LIMIT_NAME_BYTES = 255,	      /* of one name: what file systems hold */
	LIMIT_PATH_BYTES = 1024,      /* of a whole path */
	LIMIT_FILE_BYTES = 100 << 20, /* of one file */
	LIMIT_LINK_BYTES = 1024,      /* of the target of a symbolic link */
	LIMIT_CHANGED = 10000,	      /* files changed by one pull request */
	LIMIT_CONFLICTS = 1000,
	LIMIT_COMMITS = 5000,	       /* between base and head */
	LIMIT_MESSAGE_BYTES = 1 << 20, /* of one commit */
	LIMIT_PEOPLE = 500,
	LIMIT_PERSON_BYTES = 200, /* of a name or address; cut */
	LIMIT_OWNERS = 500,	  /* lines of CODEOWNERS that speak of one pull request */
	LIMIT_WARNINGS = 50,
	LIMIT_CONFIG_BYTES = 1 << 20,	   /* of a file of the configuration */
	LIMIT_MODULE_FILE_BYTES = 1 << 20, /* larger files are not searched for modules */
	LIMIT_MODULES_PER_FILE = 1000,
	LIMIT_USES = 20000,
	LIMIT_CACHE_BYTES = 64 << 20, /* of modules.cache */
	LIMIT_CACHE_FILES = 400000,
	LIMIT_RENAME_PAIRS = 10000, /* compared by content; more are told apart by identity only */
	LIMIT_RENAME_BYTES = 512 << 10,
	LIMIT_FETCH_OBJECTS = 5000000,
	LIMIT_ADOPT_FILES = 20000, /* written or removed by hooks */
	LIMIT_ADOPT_BYTES = 64 << 20,
};

#define LIMIT_TREE_BYTES    (4LL << 30) /* of all files of one tree */
#define LIMIT_HISTORY_BYTES (1LL << 30) /* of all blobs that are searched for secrets */
#define LIMIT_FETCH_BYTES   (4LL << 30) /* received in one fetch */
