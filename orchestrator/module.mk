# orchestrator: the executable sluice. serve.c plugs everything together; the command line talks to it over a socket.
PROGRAMS += sluice
sluice_MAIN := $(addprefix orchestrator/,main.c serve.c serve_settings.c serve_anchors.c cli.c cli_pr.c cli_show.c cli_audit.c cli_drift.c cli_report.c cli_backup.c cli_gates.c cli_doctor.c cli_download.c cli_github_app.c cli_validate.c cli_migrate.c cli_projects.c)
sluice_USES := http engine store config notify vcs_gitea vcs_github vcs_local executor model lib_http lib_loop lib_regex lib_yaml lib
