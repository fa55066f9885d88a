# http: the doors. server.c names libmicrohttpd; routes.c is the table, figures.c what is there now; api.c answers from the store.
ARCHIVES += http
http_SRCS := $(addprefix orchestrator/http/,server.c listen.c routes.c figures.c api.c api_audit.c api_drift.c)
http_PKGS := libmicrohttpd jansson
