/* The stub's plan file. */
#pragma once
#include <stdio.h>

int plan_zip_write(const char *path, const char *plan);	      /* 0, or an error of errno */
int plan_zip_read(const char *path, char *plan, size_t size); /* 0, or -1 */
