/* The stub's plan file. */
#pragma once
#include <stdio.h>

void plan_zip_write(const char *path, const char *plan);
int plan_zip_read(const char *path, char *plan, size_t size); /* 0, or -1 */
