# model: the words of the whole program as plain records and enums with their names; no I/O.
ARCHIVES += model
model_SRCS := $(wildcard orchestrator/model/*.c)
model_PKGS := jansson
