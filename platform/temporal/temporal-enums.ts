/**
 * Enum values of Temporal's API. The package that names them is slow to load.
 *
 * @module
 */

/** `TASK_QUEUE_TYPE_WORKFLOW`. */
export const workflowTaskQueueType = 1;
/** `TASK_QUEUE_TYPE_ACTIVITY`. */
export const activityTaskQueueType = 2;
/** `INDEXED_VALUE_TYPE_KEYWORD`. */
export const keywordAttributeType = 2;
/** `IndexedValueType`: the types of search attributes, indexed by number. */
export const indexedValueTypes = ["Unspecified", "Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"];
/** `WORKER_VERSIONING_MODE_VERSIONED`. */
export const versionedMode = 2;
