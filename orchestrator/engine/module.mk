# engine: the workflow. Pure modules (command, gates, projects, render, flow) and the turn around them.
ARCHIVES += engine
engine_SRCS := $(wildcard orchestrator/engine/*.c orchestrator/engine/gates/*.c)
engine_PKGS := jansson
