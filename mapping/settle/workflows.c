/*
 * Spans that name a workflow get the counts of what ran directly below them:
 * agent_workflow.{task_count,completed_tasks,failed_tasks,success_rate}; no rate without tasks.
 */
#include "mapping/settle/settle.h"

#include "base/banned.h"

struct tasks {
    uint32_t total, failed;
};

static bool is_task(enum nv_kind kind)
{
    return kind != NV_KIND_NONE && kind != NV_KIND_HTTP && kind != NV_KIND_GENERIC;
}

enum nv_err nv_workflows_settle(struct nv_translation *t)
{
    bool any = false;
    for (uint32_t i = 0; i < t->work_count && !any; i++)
        any = t->works[i].at[NV_FIELD_WORKFLOW_NAME] != 0;
    struct tasks *tasks = any ? nv_arena_array(t->arena, t->work_count, sizeof *tasks) : NULL;
    if (!tasks)
        return any ? NV_ERR_NO_MEMORY : NV_OK;
    for (uint32_t i = 0; i < t->work_count; i++) {
        if (t->works[i].parent != NV_NO_SPAN && is_task(t->works[i].kind)) {
            tasks[t->works[i].parent].total++;
            tasks[t->works[i].parent].failed += t->works[i].span->status != NV_STATUS_OK;
        }
    }
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        if (t->works[i].at[NV_FIELD_WORKFLOW_NAME] == 0)
            continue;
        struct nv_attributes *list = &t->works[i].span->attributes;
        uint32_t total = tasks[i].total, completed = total - tasks[i].failed;
        const struct {
            struct nv_str key;
            struct nv_value value;
        } facts[] = {{NV_STR("agent_workflow.task_count"), nv_value_int(total)},
                     {NV_STR("agent_workflow.completed_tasks"), nv_value_int(completed)},
                     {NV_STR("agent_workflow.failed_tasks"), nv_value_int(tasks[i].failed)},
                     {NV_STR("agent_workflow.success_rate"),
                      nv_value_double((double)completed / (double)(total > 0 ? total : 1))}};
        /* Of no tasks none failed and none succeeded: there is no rate, the last of them. */
        const size_t count = sizeof facts / sizeof *facts - (total == 0);
        for (size_t f = 0; err == NV_OK && f < count; f++)
            err = nv_attributes_set(list, t->arena, facts[f].key, facts[f].value);
    }
    return err;
}
