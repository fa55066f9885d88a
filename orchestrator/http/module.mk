# http: the doors. server.c names libmicrohttpd; routes.c is the table; api.c answers from the store.
ARCHIVES += http
http_SRCS := $(addprefix orchestrator/http/,server.c listen.c routes.c api.c api_audit.c)
http_PKGS := libmicrohttpd jansson
