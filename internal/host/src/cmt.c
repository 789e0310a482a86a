/* Metrics, as far as a plugin uses them. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cmt *cmt_new(void)
{
    return calloc(1, sizeof(struct cmt));
}

static void wrong(struct cmt *cmt, const char *what, const char *name)
{
    fprintf(stderr, "host: %s: %s\n", name, what);
    cmt->wrong = 1;
}

static struct cmt_counter *create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help,
                                  int label_count, char **label_keys)
{
    struct cmt_counter *c = calloc(1, sizeof(*c)), **last;
    int size = snprintf(NULL, 0, "%s_%s_%s", ns, subsystem, name) + 1;

    c->fqname = malloc((size_t) size);
    snprintf(c->fqname, (size_t) size, "%s_%s_%s", ns, subsystem, name);
    c->description = strdup(help);
    c->cmt = cmt;
    c->label_count = label_count;
    for (int i = 0; i < label_count; i++) {
        c->label_keys[i] = strdup(label_keys[i]);
    }
    if (cmt->complete) {
        wrong(cmt, "a metric that comes late", c->fqname);
    }
    for (last = &cmt->metrics; *last; last = &(*last)->next) {
    }
    return *last = c;
}

static struct series *find(struct cmt_counter *c, char **labels)
{
    for (int i = 0; i < c->series_count; i++) {
        struct series *s = &c->series[i];

        if (!strcmp(s->labels[0], labels[0]) && (c->label_count == 1 || !strcmp(s->labels[1], labels[1]))) {
            return s;
        }
    }
    return NULL;
}

static int set(struct cmt_counter *c, uint64_t timestamp, double value, int label_count, char **labels)
{
    struct series *s;

    if (label_count != c->label_count || timestamp < 1000000000) {
        wrong(c->cmt, "not as many labels as there are, or no time", c->fqname);
        return -1;
    }
    s = find(c, labels);
    if (!s) {
        if (c->cmt->complete || c->series_count == (int) (sizeof(c->series) / sizeof(c->series[0]))) {
            wrong(c->cmt, "a label set that comes late, or is too many", c->fqname);
            return -1;
        }
        s = &c->series[c->series_count++];
        for (int i = 0; i < label_count; i++) {
            s->labels[i] = strdup(labels[i]);
        }
    }
    if (value < s->value && !c->is_gauge) {
        wrong(c->cmt, "a counter that counts down", c->fqname);
        return -1;
    }
    s->value = value;
    return 0;
}

struct cmt_counter *cmt_counter_create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help,
                                       int label_count, char **label_keys)
{
    return create(cmt, ns, subsystem, name, help, label_count, label_keys);
}

int cmt_counter_set(struct cmt_counter *c, uint64_t timestamp, double value, int label_count, char **labels)
{
    if (c->is_gauge) {
        wrong(c->cmt, "a gauge that is used as a counter", c->fqname);
        return -1;
    }
    return set(c, timestamp, value, label_count, labels);
}

struct cmt_gauge *cmt_gauge_create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help,
                                   int label_count, char **label_keys)
{
    struct cmt_counter *c = create(cmt, ns, subsystem, name, help, label_count, label_keys);

    c->is_gauge = 1;
    return (struct cmt_gauge *) c;
}

int cmt_gauge_set(struct cmt_gauge *gauge, uint64_t timestamp, double value, int label_count, char **labels)
{
    struct cmt_counter *c = (struct cmt_counter *) gauge;

    if (!c->is_gauge) {
        wrong(c->cmt, "a counter that is used as a gauge", c->fqname);
        return -1;
    }
    return set(c, timestamp, value, label_count, labels);
}

int cmt_counter_add(struct cmt_counter *c, uint64_t timestamp, double value, int label_count, char **labels)
{
    struct series *s = find(c, labels);

    return set(c, timestamp, s ? s->value + value : value, label_count, labels);
}

char *cmt_encode_text_create(struct cmt *cmt)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    for (const struct cmt_counter *c = cmt->metrics; c; c = c->next) {
        for (int i = 0; i < c->series_count; i++) {
            fprintf(to, "1970-01-01T00:00:01.000000000Z %s{", c->fqname);
            for (int k = 0; k < c->label_count; k++) {
                fprintf(to, "%s%s=\"%s\"", k ? "," : "", c->label_keys[k], c->series[i].labels[k]);
            }
            fprintf(to, "} = %.17g\n", c->series[i].value);
        }
    }
    fclose(to);
    return text;
}

void cmt_encode_text_destroy(char *text)
{
    free(text);
}

void cmt_print(const struct cmt *cmt)
{
    for (const struct cmt_counter *c = cmt->metrics; c; c = c->next) {
        for (int i = 0; i < c->series_count; i++) {
            fprintf(stderr, "%s{", c->fqname);
            for (int k = 0; k < c->label_count; k++) {
                fprintf(stderr, "%s%s=\"%s\"", k ? "," : "", c->label_keys[k], c->series[i].labels[k]);
            }
            fprintf(stderr, "} %.0f\n", c->series[i].value);
        }
    }
}

int cmt_free(struct cmt *cmt)
{
    int wrong = cmt->wrong;

    for (struct cmt_counter *c = cmt->metrics, *next; c; c = next) {
        next = c->next;
        for (int k = 0; k < c->label_count; k++) {
            free((char *) c->label_keys[k]);
            for (int i = 0; i < c->series_count; i++) {
                free(c->series[i].labels[k]);
            }
        }
        free(c->fqname);
        free(c->description);
        free(c);
    }
    free(cmt);
    return wrong;
}
