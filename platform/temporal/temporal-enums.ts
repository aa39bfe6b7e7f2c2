/**
 * Numbers of Temporal's API whose names come only with a package that is slow to load.
 *
 * @module
 */

/** `TASK_QUEUE_TYPE_WORKFLOW`. */
export const workflowTaskQueueType = 1;
/** `TASK_QUEUE_TYPE_ACTIVITY`. */
export const activityTaskQueueType = 2;
/** `INDEXED_VALUE_TYPE_KEYWORD`. */
export const keywordAttributeType = 2;
/** `IndexedValueType`: the types of search attributes, by their numbers. */
export const indexedValueTypes = ["Unspecified", "Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"];
/** `WORKER_VERSIONING_MODE_VERSIONED`. */
export const versionedMode = 2;
