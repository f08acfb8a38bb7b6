namespace PostTrainGate.Foundation;

/// <summary>
/// Every code the product reports, in one place. PTG1xxx policy, PTG2xxx model, PTG3xxx data, PTG4xxx gates and
/// measures, PTG5xxx repair, PTG6xxx GitHub and reports, PTG7xxx builds, PTG8xxx shards, PTG9xxx internal.
/// </summary>
public static class DiagnosticCodes
{
    /// <summary>The policy file does not exist or cannot be read.</summary>
    public const string PolicyUnreadable = "PTG1001";

    /// <summary>The policy is not valid YAML.</summary>
    public const string PolicySyntax = "PTG1002";

    /// <summary>The policy is empty, too large, or expands aliases beyond reason.</summary>
    public const string PolicySize = "PTG1003";

    /// <summary>A key that the policy does not know, or stands twice.</summary>
    public const string PolicyKey = "PTG1004";

    /// <summary>A required key is missing.</summary>
    public const string PolicyMissingKey = "PTG1005";

    /// <summary>A value of the wrong type or form.</summary>
    public const string PolicyType = "PTG1006";

    /// <summary>A value out of its range.</summary>
    public const string PolicyRange = "PTG1007";

    /// <summary>A path that leaves the policy's folder or is absolute.</summary>
    public const string PolicyPath = "PTG1008";

    /// <summary>A file that the policy names does not exist.</summary>
    public const string PolicyFileMissing = "PTG1009";

    /// <summary>A name that is defined nowhere: a group, a metric, an attack, a repair.</summary>
    public const string PolicyName = "PTG1010";

    /// <summary>Keys that do not fit together.</summary>
    public const string PolicyConflict = "PTG1011";

    /// <summary>The model file is broken, truncated or too large.</summary>
    public const string ModelUnreadable = "PTG2001";

    /// <summary>An operator that this version cannot rebuild with gradients.</summary>
    public const string ModelOperator = "PTG2002";

    /// <summary>The rebuilt graph and ONNX Runtime disagree.</summary>
    public const string ModelDisagrees = "PTG2003";

    /// <summary>Inputs or outputs of the model that are not a classifier's, or do not fit the data.</summary>
    public const string ModelShape = "PTG2004";

    /// <summary>The model runs for its scores only, without gradients and repair, and why.</summary>
    public const string ModelScoresOnly = "PTG2005";

    /// <summary>The engine crashed, hung, or needed more memory or time than it may have.</summary>
    public const string EngineEnded = "PTG2006";

    /// <summary>The model's outputs depend on the other rows of a batch, or differ from one pass to the next.</summary>
    public const string ModelNotRowwise = "PTG2007";

    /// <summary>
    /// What was assumed of the model: the output that is read, inputs that it does not use, the order of its classes.
    /// </summary>
    public const string ModelAssumed = "PTG2008";

    /// <summary>The order of the model's classes is in doubt, so that no gate is judged.</summary>
    public const string ModelClassOrder = "PTG2009";

    /// <summary>The device that the model computes on where the policy asks for one, or why it cannot be had.</summary>
    public const string ModelDevice = "PTG2010";

    /// <summary>The data cannot be read.</summary>
    public const string DataUnreadable = "PTG3001";

    /// <summary>A column that the data lacks.</summary>
    public const string DataColumn = "PTG3002";

    /// <summary>Values that cannot be used: missing, not numeric, not finite, out of bounds.</summary>
    public const string DataValue = "PTG3003";

    /// <summary>A split or group with no rows.</summary>
    public const string DataEmpty = "PTG3004";

    /// <summary>An SQL condition that does not run.</summary>
    public const string DataCondition = "PTG3005";

    /// <summary>A gate whose threshold is not met.</summary>
    public const string GateFailed = "PTG4001";

    /// <summary>A gate whose interval contains the threshold.</summary>
    public const string GateInconclusive = "PTG4002";

    /// <summary>A gate that could not be measured.</summary>
    public const string GateNotMeasured = "PTG4003";

    /// <summary>A measure that cannot be trusted (masked gradients, saturated outputs).</summary>
    public const string GateNotTrusted = "PTG4004";

    /// <summary>A repair was found and is proposed.</summary>
    public const string RepairProposed = "PTG5001";

    /// <summary>No repair helped within the policy's limits.</summary>
    public const string RepairNone = "PTG5002";

    /// <summary>A repair worked with a documented substitute for what was missing.</summary>
    public const string RepairSubstitute = "PTG5004";

    /// <summary>The rows offered for a repair look like those that the model was trained on.</summary>
    public const string RepairRowsKnown = "PTG5005";

    /// <summary>A repaired model cannot take the model's place: there is none, or one of the files changed.</summary>
    public const string RepairNotApplied = "PTG5006";

    /// <summary>GitHub refused; the report is in the summary and the annotations.</summary>
    public const string GitHubDegraded = "PTG6001";

    /// <summary>A report could not be written.</summary>
    public const string ReportUnwritable = "PTG6002";

    /// <summary>
    /// The pull request changes the policy; the base branch's was applied, or cannot be used with its files.
    /// </summary>
    public const string PolicyChanged = "PTG6003";

    /// <summary>The base branch's policy or model cannot be had, and what was used instead.</summary>
    public const string BaseUnavailable = "PTG6004";

    /// <summary>
    /// A file that a run must not write: it is there and not an earlier run's, a link, or where nothing is written.
    /// </summary>
    public const string OutputRefused = "PTG6005";

    /// <summary>A history of results, or a file of it, that cannot be read or added to.</summary>
    public const string HistoryUnusable = "PTG6006";

    /// <summary>The SDK of a build is too old to fetch the tool.</summary>
    public const string BuildSdk = "PTG7001";

    /// <summary>A build could not start the tool.</summary>
    public const string BuildTool = "PTG7002";

    /// <summary>A shard that cannot be: its number, what it is given with, or the file of its part.</summary>
    public const string ShardRefused = "PTG8001";

    /// <summary>A part that cannot be merged: missing, doubled, changed, or of something else.</summary>
    public const string PartRefused = "PTG8002";

    /// <summary>A shard measured its blocks and wrote its part.</summary>
    public const string ShardMeasured = "PTG8003";

    /// <summary>The command line is wrong: an option that there is not, or a value that it does not take.</summary>
    public const string Usage = "PTG9002";

    /// <summary>A defect of the product.</summary>
    public const string Internal = "PTG9001";
}
