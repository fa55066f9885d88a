# config: YAML in, settings out, or errors with their place. lib/yaml.c alone names libyaml.
ARCHIVES += config
config_SRCS := $(addprefix config/,errors.c decode.c decode_value.c schema.c words.c workflow_file.c repo_file.c \
	repo_check.c overlap.c server_rules.c guard.c rights.c effective.c effective_projects.c file_reader.c server_config.c \
	server_words.c server_hosts.c server_repos.c server_jobs.c server_credentials.c yaml_write.c migrate.c migrate_flags.c migrate_hosts.c)
config_PKGS := jansson
