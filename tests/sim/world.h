/* The world of the simulation: a clock, a host and an executor that fail, forget and are late, by
 * the seed. */
#pragma once
#include "orchestrator/engine/engine.h"
#include "orchestrator/lib/seal.h"
#include "orchestrator/store/store.h"

enum { PULLS = 4, DIRS = 3, SLOTS = 3, JOBS_MAX = 2000, OPINIONS_MAX = 1000, COMMENTS_MAX = 1000 };

/* Where many fight for few projects. */
enum {
	PULLS_MAX = 100,
	DIRS_MAX = 20,
	FIGHT_SLOTS = 20,
	FIGHT_JOBS = 30000,
	FIGHT_OPINIONS = 10000
};

enum { MEMBERS = 4, FACTS_GOOD_MS = 3000, GUARDED = 2 };

enum fake_state { FAKE_NONE, FAKE_ASKED, FAKE_RUNNING, FAKE_ENDED, FAKE_GONE };

enum { HOOKED = 'h' }; /* how the name of a tree begins that hooks have written to */

struct fake_job {
	int64_t id;
	int attempt;
	enum job_op op;
	enum fake_state state;
	int64_t due_ms;
	int64_t number; /* of the pull */
	char head[OID_HEX + 1], dir[16], plan_blob[65];
	char makes[OID_HEX + 1]; /* the work tree that is there when it ended well, or "" */
	char tip[OID_HEX + 1], since[OID_HEX + 1]; /* of the base branch when it began; what it is
						      compared with, or "" */
	enum job_outcome outcome;
	bool has_changes, was_void, told;
	bool is_reading; /* its tools have ended, it has not */
	bool is_swept;	 /* its plan, or its work tree, was thrown away */
};

struct fake_opinion { /* what the engine was told of reviews */
	int64_t seq, number;
	char person[16], head[OID_HEX + 1];
	enum vcs_event_kind kind;
};

/* c depends on a; b and c are later groups; b and c are a later group that goes no further after a
 * failure, and c depends on a. */
enum order { ORDER_NONE = 0, ORDER_DEPENDS, ORDER_GROUPS, ORDER_ABORTS };
enum { ORDERS = 4, RELOADS_MAX = 16 };

struct fake_pull {
	bool exists, open;
	char author[16], pusher[16], head[OID_HEX + 1];
	char told_head[OID_HEX + 1], told_pusher[16]; /* by the last event that the engine took */
	bool told_open;
};

struct fake_tip {
	char oid[OID_HEX + 1];
	unsigned dirs;	   /* that it touches: a bit for each */
	int64_t after_run; /* the newest run when it came */
};

enum { TIPS_MAX = 200 };

struct world {
	uint64_t dice;
	int64_t wall_ms, monotonic_ms, seq, deliveries;
	struct clock clock;
	struct entropy entropy;
	struct seal seal;
	struct settings settings; /* the first generation */
	struct settings *newest;  /* a reference; step_timeout_ms is the generation's number */
	struct { /* since the engine started: runs after that one are of this generation */
		int64_t after_run, generation;
	} reloads[RELOADS_MAX];
	size_t reload_count;
	enum order order;
	enum lock_mode lock_mode; /* of all projects */
	bool goes_together;	  /* plans and applies of one group */
	bool is_guarded;	  /* a and b need two, one of them of the team */
	struct fake_member {	  /* of that team, or not; told to the engine when it asks */
		const char *name;
		bool is_in;
		int64_t left_ms;
	} members[MEMBERS];
	bool has_hooks; /* the server runs commands of its own around the projects */
	struct config_reader config;
	struct executor executor;
	struct executor_events events;
	struct vcs_host host;
	struct vcs_host *hosts[2];
	struct store *store;
	struct engine *engine;
	struct fake_pull pulls[PULLS_MAX + 1];
	struct fake_tip tips[TIPS_MAX]; /* of the base branch, oldest first */
	size_t tip_count;
	int64_t pull_count;
	int slots;
	size_t dir_count;
	struct fake_job *jobs;
	size_t jobs_most, opinions_most;
	size_t job_count;
	struct fake_opinion *opinions;
	size_t opinion_count;
	char markers[COMMENTS_MAX][96];
	size_t marker_count;
	bool has_outage;    /* each history has one at its end */
	bool is_fight;	    /* a hundred pulls want twenty projects */
	struct fake_place { /* the queues as they were seen last */
		int64_t id, number, place;
		char dir[16];
	} places[PULLS_MAX * DIRS_MAX];
	size_t place_count;
	int64_t away_until_ms; /* the host answers nobody before that */
	int64_t glasses;       /* that were broken */
	int64_t refused;       /* requests that it did not answer therefore */
	bool calm;	       /* nothing fails any more */
	bool verbose;
	bool wants_turn;    /* the engine asked for a turn now */
	const char *breaks; /* "gate", "head", "lock", "queue", "order", "broom", "generation",
			       "team", "outage", "base", "glass", "alone": a rule that is broken on
			       purpose, or NULL */
	const char *wrong;  /* what the oracle saw, or NULL */
	char wrong_text[300];
};

extern struct world *the_world; /* clocks and readers have no owner pointer */

/* config.c */
int world_read_config(const struct config_reader *reader, const struct settings *settings,
	const struct config_request *request, struct arena *arena, struct repo_config *ret,
	struct config_problems *problems, struct err *err);
void world_no_files(const struct config_reader *reader, const struct settings *settings,
	const char *host, const char *repo, struct arena *arena, struct name_list *ret);

uint32_t roll(struct world *world, uint32_t sides);
bool chance(struct world *world, uint32_t percent);
void world_init(struct world *world, struct store *store, uint64_t seed);
void world_start(struct world *world); /* a new engine on the same store */
void world_crash(struct world *world);
void world_reload(struct world *world); /* the operator changed the configuration */
void world_work(struct world *world);	/* jobs go on */
_printf_(2, 3) void world_note(struct world *world, const char *format, ...);

/* host.c */
void world_host_init(struct world *world);
void world_join_or_leave(struct world *world, size_t member);
void world_tell(struct world *world, enum vcs_event_kind kind, int64_t number, const char *actor,
	const char *text);
void world_copy(char *to, size_t size, const char *from); /* as much of it as there is room for */

/* base.c */
void base_init(struct world *world);
const char *base_tip(const struct world *world);
void base_move(struct world *world); /* somebody else's change is merged */
struct changed_file;
size_t base_moved(const struct world *world, const char *from, const char *to,
	struct changed_file *ret); /* how many files of DIRS */
void base_name_tree(const struct world *world, const char *head, char tree[OID_HEX + 1]);
bool base_is_tree(const char *tree, const char *head); /* of that head, on some tip */
void oracle_base(struct world *world, const struct job_spec *spec, const struct fake_job *planner);

/* sim.c */
void world_step(struct world *world); /* jobs, the engine, a crash or not, time */

/* fight.c */
void fight(struct world *world); /* until everything is merged */

/* oracle_queue.c: what holds of queues, read from their rows */
void oracle_queues(struct world *world, const struct lock_row *locks, size_t count);

/* oracle.c: independent of gates.c, locks and flows */
_printf_(2, 3) void oracle_wrong(struct world *world, const char *format, ...);
void oracle_apply_starts(struct world *world, const struct job_spec *spec);
void oracle_generation(struct world *world, const struct job_spec *spec);
void oracle_order(struct world *world, const struct job_spec *spec);
void oracle_change_starts(struct world *world, const struct job_spec *spec);
void oracle_step(struct world *world);
void oracle_end(struct world *world);
void oracle_said(struct world *world); /* every open pull request has heard of its newest head */
