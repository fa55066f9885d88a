# notify: Slack, signed webhooks, mail and pings behind one port.
ARCHIVES += notify
notify_SRCS := $(wildcard orchestrator/notify/*.c)
notify_PKGS := jansson
