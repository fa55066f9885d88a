# lib: knows nothing of ours. Three archives, so that the small executables link no loop, no HTTP and no database.
ARCHIVES += lib lib_loop lib_http
lib_SRCS := $(addprefix orchestrator/lib/,base.c err.c arena.c strbuf.c strvec.c clock.c codec.c jsonx.c fault.c log.c)
lib_PKGS := jansson libcrypto
lib_loop_SRCS := $(addprefix orchestrator/lib/,loop.c sd_notify.c metrics.c)
lib_loop_PKGS := libuv
lib_http_SRCS := orchestrator/lib/http_client.c
lib_http_PKGS := libcurl
