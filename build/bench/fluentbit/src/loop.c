/*
 * libsystemd reading all fields of all entries of a directory, which is the limit of what
 * an input on top of it can cost. Prints how many entries it has read.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *lib = dlopen("libsystemd.so.0", RTLD_NOW);
    int (*open_directory)(void **, const char *, int);
    int (*next)(void *), (*enumerate)(void *, const void **, size_t *);
    long entries = 0, fields = 0;
    const void *data;
    size_t size;
    void *j;

    if (argc != 2 || !lib) {
        return 2;
    }
    *(void **) &open_directory = dlsym(lib, "sd_journal_open_directory");
    *(void **) &next = dlsym(lib, "sd_journal_next");
    *(void **) &enumerate = dlsym(lib, "sd_journal_enumerate_data");
    if (!open_directory || !next || !enumerate || open_directory(&j, argv[1], 0) < 0) {
        return 1;
    }
    while (next(j) > 0) {
        entries++;
        while (enumerate(j, &data, &size) > 0) {
            fields++;
        }
    }
    printf("%ld\n", entries);
    return fields == 0;
}
