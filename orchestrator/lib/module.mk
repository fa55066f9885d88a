# lib: knows nothing of ours. Several archives, so that the small executables link only what they use.
ARCHIVES += lib lib_loop lib_http lib_regex lib_yaml
lib_SRCS := $(addprefix orchestrator/lib/,base.c err.c arena.c strbuf.c strvec.c clock.c codec.c jsonx.c fault.c log.c mask.c secrets.c glob.c glob_overlap.c rsa.c secret_file.c issuer.c seal.c zone.c cron.c when.c hcl.c)
lib_PKGS := jansson libcrypto
lib_loop_SRCS := $(addprefix orchestrator/lib/,loop.c program.c sd_notify.c metrics.c statsd.c)
lib_loop_PKGS := libuv
lib_http_SRCS := orchestrator/lib/http_client.c
lib_http_PKGS := libcurl
lib_regex_SRCS := orchestrator/lib/regex.c
lib_regex_PKGS := libpcre2-8
lib_yaml_SRCS := orchestrator/lib/yaml.c
lib_yaml_PKGS := yaml-0.1
