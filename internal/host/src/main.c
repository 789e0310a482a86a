/*
 * host [options] LIBRARY CHUNK...: passes the chunks in files to a plugin library as
 * Fluent Bit does, and prints the resulting events as lines of JSON. An input is asked for
 * records instead, and needs no chunk.
 *
 * The exit code is 0; 1 if the library did something wrong or did not start; 2 if
 * the arguments are not valid; 3 after a SIGSEGV that the library did not handle.
 */
#define _GNU_SOURCE
#include "host.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_INSTANCES 8
#define MAX_LIBRARIES 4
#define MAX_CHUNKS 256

static const char usage[] =
    "usage: host [options] LIBRARY [CHUNK...]\n"
    "  -p KEY=VALUE      an option of the instance, also alias and log_level\n"
    "  --next            options after this are another instance's\n"
    "  --and LIBRARY     the same, of a library that is loaded after the others\n"
    "  --log-level NAME  of instances that have no log_level\n"
    "  --repeat N        give each instance the chunks N times\n"
    "  --retry N         give an output a chunk that it wants to retry N times more, half a second apart\n"
    "  --threads N       do so in N threads at once\n"
    "  --reinit N        then end, unload, load and start everything N times more\n"
    "  --collect N       ask an input for records N times (5)\n"
    "  --every MS        so many milliseconds after the last time (60)\n"
    "  --take MS         take what is in an input's queue so often (10); -1: never\n"
    "  --filter MS       the engine needs so long between counting a batch and printing it\n"
    "  --absent FILE     fail if this file is there before a batch is printed\n"
    "  --full N          the first N times the queue takes nothing\n"
    "  --pause A-B       pause inputs before they are asked for the Ath time, until the Bth\n"
    "  --fork            start instances as daemon mode does\n"
    "  -w FILE           write what the last instance answered, as it is\n"
    "  --metrics         print the metrics of each instance at its end\n"
    "  --describe        print how the library describes itself and start nothing\n"
    "  -q                print no events\n";

static struct {
    const char *libraries[MAX_LIBRARIES], **chunks, *write;
    int library_count, chunk_count, library_of[MAX_INSTANCES];
    int level, repeat, retry, threads, reinit, fork, metrics, describe, quiet, count;
    struct instance instances[MAX_INSTANCES];
    struct input_plan plan;
} opt = { .plan = { .calls = 5, .every = 60, .take = 10 }, .level = FLB_LOG_INFO, .repeat = 1, .threads = 1, .count = 1, .library_count = 1 };

static struct library *libraries[MAX_LIBRARIES];
static int early;                               /* a position was kept too early */
static struct chunk inputs[MAX_CHUNKS];
static volatile sig_atomic_t terminated;        /* by SIGTERM */

static void fail(const char *text, const char *what)
{
    fprintf(stderr, "host: %s%s\n%s", text, what, usage);
    exit(2);
}

static void add_property(struct properties *props, char *text)
{
    char *eq = strchr(text, '=');

    if (!eq || props->count == (int) (sizeof(props->list) / sizeof(props->list[0]))) {
        fail("not an option: ", text);
    }
    *eq = '\0';
    props->list[props->count++] = (struct property) { text, eq + 1 };
}

static void add_instance(void)
{
    if (opt.count == MAX_INSTANCES) fail("too many instances", "");
    opt.library_of[opt.count++] = opt.library_count - 1;
}

static void add_library(const char *path)
{
    if (opt.library_count == MAX_LIBRARIES) fail("too many libraries", "");
    opt.libraries[opt.library_count++] = path;
    add_instance();
}

static void arguments(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *name = argv[i];
        char *arg = argv[i + 1];

        if (!strcmp(name, "-q")) { opt.quiet = 1; continue; }
        if (!strcmp(name, "--fork")) { opt.fork = 1; continue; }
        if (!strcmp(name, "--metrics")) { opt.metrics = 1; continue; }
        if (!strcmp(name, "--describe")) { opt.describe = 1; continue; }
        if (!strcmp(name, "--next")) { add_instance(); continue; }
        if (++i >= argc) fail("no value for ", name);
        if (!strcmp(name, "--and")) add_library(arg);
        else if (!strcmp(name, "-p")) add_property(&opt.instances[opt.count - 1].given, arg);
        else if (!strcmp(name, "-w")) opt.write = arg;
        else if (!strcmp(name, "--log-level")) opt.level = log_level(arg);
        else if (!strcmp(name, "--repeat")) opt.repeat = atoi(arg);
        else if (!strcmp(name, "--retry")) opt.retry = atoi(arg);
        else if (!strcmp(name, "--threads")) opt.threads = atoi(arg);
        else if (!strcmp(name, "--reinit")) opt.reinit = atoi(arg);
        else if (!strcmp(name, "--collect")) opt.plan.calls = atoi(arg);
        else if (!strcmp(name, "--every")) opt.plan.every = atoi(arg);
        else if (!strcmp(name, "--take")) opt.plan.take = atoi(arg);
        else if (!strcmp(name, "--filter")) opt.plan.filter = atoi(arg);
        else if (!strcmp(name, "--absent")) opt.plan.absent = arg;
        else if (!strcmp(name, "--full")) opt.plan.full = atoi(arg);
        else if (!strcmp(name, "--pause") && sscanf(arg, "%d-%d", &opt.plan.pause_from, &opt.plan.pause_to) == 2) continue;
        else fail("unknown: ", name);
    }
    if (argc - i < 1) fail("LIBRARY is needed", "");
    if (argc - i - 1 > MAX_CHUNKS) fail("too many chunks", "");
    opt.libraries[0] = argv[i];
    opt.chunks = (const char **) argv + i + 1;
    opt.chunk_count = argc - i - 1;
    opt.plan.quiet = opt.quiet;
    opt.plan.wrong = &early;
    opt.plan.name = opt.count > 1;
}

/* Reads a file into read-only memory between pages that cannot be accessed. */
static struct chunk read_chunk(const char *path)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE), mapped;
    FILE *f = fopen(path, "rb");
    struct stat st;
    unsigned char *map, *at;

    if (!f || fstat(fileno(f), &st) != 0) fail("cannot read ", path);
    mapped = ((size_t) st.st_size + page - 1) / page * page;
    map = mmap(NULL, mapped + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at = map + page + mapped - (size_t) st.st_size;
    if (map == MAP_FAILED || fread(at, 1, (size_t) st.st_size, f) != (size_t) st.st_size) fail("cannot read ", path);
    fclose(f);
    mprotect(map, mapped + 2 * page, PROT_NONE);
    if (mapped) mprotect(map + page, mapped, PROT_READ);
    return (struct chunk) { at, (size_t) st.st_size };
}

static void report(struct instance *ins, struct chunk result)
{
    const char *name = opt.count == 1 ? NULL : flb_filter_name(ins->filter);
    size_t done, count;

    if (opt.write) {
        FILE *f = fopen(opt.write, "wb");

        if (!f || fwrite(result.data, 1, result.size, f) != result.size || fclose(f) != 0) {
            fail("cannot write ", opt.write);
        }
    }
    if (opt.quiet) return;
    done = print_events(result.data, result.size, name, stdout, &count);
    if (done < result.size) {
        fprintf(stderr, "host: no msgpack event at byte %zu of %zu\n", done, result.size);
    }
}

/* Passes a chunk to an instance, and prints the result if asked to. Returns 0, or 1 if it is not valid. */
static int feed(struct instance *ins, struct chunk input, int print)
{
    struct chunk result = input;
    void *out;
    size_t size;
    int ret = library_call(ins, input, &out, &size);

    if (ins->output) {
        for (int i = 0; ret == FLB_RETRY && i < opt.retry && !terminated; i++) {
            usleep(500 * 1000);
            ret = library_call(ins, input, &out, &size);
        }
        if (ret != FLB_OK) fprintf(stderr, "host: flush answered %d\n", ret);
        return ret != FLB_OK;
    }
    if (ret == FLB_FILTER_MODIFIED) {
        if ((size == 0) != (out == NULL)) {
            fprintf(stderr, "host: %zu bytes at %p\n", size, out);
            return 1;
        }
        result = (struct chunk) { out, size };
    } else if (ret != FLB_FILTER_NOTOUCH || out) {
        fprintf(stderr, "host: the filter answered %d with %zu bytes\n", ret, size);
        return 1;
    }
    if (print) report(ins, result);
    free(out);
    return 0;
}

static void *worker(void *first)
{
    intptr_t wrong = 0;

    for (int i = 0; i < opt.repeat; i++) {
        for (int k = 0; k < opt.count; k++) {
            for (int c = 0; c < opt.chunk_count && !terminated && !opt.instances[k].input; c++) {
                wrong |= feed(&opt.instances[k], inputs[c], first && i == 0);
            }
        }
    }
    return (void *) wrong;
}

static int run_threads(void)
{
    pthread_t threads[64];
    int n = opt.threads < 64 ? opt.threads : 64, wrong = 0;

    for (int i = 0; i < n; i++) {
        pthread_create(&threads[i], NULL, worker, i == 0 ? &opt : NULL);
    }
    for (int i = 0; i < n; i++) {
        void *ret;

        pthread_join(threads[i], &ret);
        wrong |= ret != NULL;
    }
    return wrong;
}

/*
 * Fluent Bit sets a handler of its own before it loads plugins and, after some
 * signals, again. It ends the program.
 */
static void crashed(int number)
{
    static const char text[] = "host: SIGSEGV\n";

    (void) number;
    (void) !write(2, text, sizeof(text) - 1);
    _exit(3);
}

/* After SIGTERM no chunk is passed any more, and the instances end. */
static void terminate(int number)
{
    (void) number;
    terminated = 1;
}

/* Returns how many other descriptors refer to the file of standard error. */
static int duplicates_of_stderr(void)
{
    struct stat err, other;
    int count = 0;

    if (fstat(STDERR_FILENO, &err) != 0) {
        return 0;
    }
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++) {
        count += fstat(fd, &other) == 0 && other.st_dev == err.st_dev && other.st_ino == err.st_ino;
    }
    return count;
}

static void *run_chunks(void *unused)
{
    (void) unused;
    return (void *) (intptr_t) (opt.threads > 1 ? run_threads() : worker(&opt) != NULL);
}

/* Passes the chunks, and meanwhile asks the inputs for records, if there are any. */
static int run_all(void)
{
    struct input *inputs[MAX_INSTANCES];
    pthread_t chunks;
    void *wrong;
    int n = 0;

    for (int k = 0; k < opt.count; k++) {
        if (opt.instances[k].input) inputs[n++] = opt.instances[k].input;
    }
    if (n == 0) return run_chunks(NULL) != NULL;
    pthread_create(&chunks, NULL, run_chunks, NULL);
    inputs_run(inputs, n, &opt.plan, &terminated);
    pthread_join(chunks, &wrong);
    return wrong != NULL || early;
}

static int run(int duplicates)
{
    int wrong = 0;

    for (int k = 0; k < opt.count && !wrong; k++) {
        wrong = library_start(libraries[opt.library_of[k]], &opt.instances[k], k, opt.level, &opt.plan) != 0;
    }
    if (!opt.fork && !wrong && duplicates_of_stderr() != duplicates) {
        fprintf(stderr, "host: the library keeps standard error open\n");
        wrong = 1;
    }
    signal(SIGSEGV, crashed);
    if (!wrong) {
        wrong = run_all();
    }
    for (int k = 0; k < opt.count; k++) {
        wrong |= library_stop(&opt.instances[k], opt.metrics);
    }
    return wrong;
}

/*
 * Continues in a child, as daemon mode does, without standard output and error. The
 * log is still written, like one to a file. The parent waits, and exits with the
 * child's exit code.
 */
static void become_daemon(void)
{
    pid_t child = fork();
    int status;

    if (child != 0) {
        waitpid(child, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    log_file = fdopen(dup(STDERR_FILENO), "w");
    setvbuf(log_file, NULL, _IONBF, 0);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
}

int main(int argc, char **argv)
{
    int wrong = 0;

    arguments(argc, argv);
    for (int c = 0; c < opt.chunk_count; c++) {
        inputs[c] = read_chunk(opt.chunks[c]);
    }
    signal(SIGSEGV, crashed);
    signal(SIGTERM, terminate);
    signal(SIGPIPE, SIG_IGN);           /* as Fluent Bit does */
    for (int i = 0; i <= opt.reinit && !wrong; i++) {
        int duplicates = duplicates_of_stderr();

        for (int k = 0; k < opt.library_count; k++) {
            libraries[k] = library_open(opt.libraries[k]);
        }
        if (opt.fork) become_daemon();
        for (int k = 0; k < opt.library_count && opt.describe; k++) {
            library_describe(libraries[k]);
        }
        if (!opt.describe) wrong = run(duplicates);
        for (int k = 0; k < opt.library_count; k++) {
            library_close(libraries[k]);
        }
    }
    fflush(stdout);
    return wrong;
}
