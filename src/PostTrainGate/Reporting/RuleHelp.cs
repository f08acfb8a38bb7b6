using PostTrainGate.Foundation;

namespace PostTrainGate.Reporting;

/// <summary>What a finding means and what to do about it, for readers who see its code alone.</summary>
internal static class RuleHelp
{
    private static readonly Dictionary<string, (string Meaning, string Advice)> Texts = new()
    {
        [DiagnosticCodes.PolicyUnreadable] = ("The policy cannot be read.", "Check its path and its permissions."),
        [DiagnosticCodes.PolicySyntax] = ("The policy is not valid YAML.", "Correct the line that is named."),
        [DiagnosticCodes.PolicySize] = ("The policy is empty or too large.", "Shorten it; avoid nested aliases."),
        [DiagnosticCodes.PolicyKey] = ("A key is unknown or stands twice.", "Use a key that the message suggests."),
        [DiagnosticCodes.PolicyMissingKey] = ("A required key is missing.", "Add it."),
        [DiagnosticCodes.PolicyType] = ("A value has the wrong type.", "Give a value of the type that is named."),
        [DiagnosticCodes.PolicyRange] = ("A value is out of its range.", "Give a value in the range that is named."),
        [DiagnosticCodes.PolicyPath] = ("A path leaves the policy's folder.", "Move the file into that folder."),
        [DiagnosticCodes.PolicyFileMissing] = ("A file does not exist.", "Correct the path or add the file."),
        [DiagnosticCodes.PolicyName] = ("A name is defined nowhere.", "Define it or use one that is suggested."),
        [DiagnosticCodes.PolicyConflict] = ("Two keys do not fit together.", "Keep one of them."),
        [DiagnosticCodes.ModelUnreadable] = ("The model file is broken or too large.", "Export it again."),
        [DiagnosticCodes.ModelOperator] = (
            "An operator cannot be rebuilt with gradients.",
            "The model is measured without gradients; export it with other operators to repair it."
        ),
        [DiagnosticCodes.ModelDisagrees] = (
            "The rebuilt model and ONNX Runtime give different outputs.",
            "Look at the node that is named; it may use an operator in an unusual way."
        ),
        [DiagnosticCodes.ModelShape] = (
            "The model's inputs or outputs do not fit a classifier or the data.",
            "Compare 'posttraingate inspect' of the model with the policy."
        ),
        [DiagnosticCodes.ModelScoresOnly] = (
            "The model has no gradients, so it is measured and not repaired.",
            "Nothing has to be done unless a repair is wanted."
        ),
        [DiagnosticCodes.EngineEnded] = (
            "The engine crashed, hung, or needed more time or memory than it may.",
            "Raise 'limits', or run with '--verbosity detailed'; the model may be hostile or unusual."
        ),
        [DiagnosticCodes.ModelNotRowwise] = (
            "The model's output for a row depends on other rows or on chance.",
            "Export the model in inference mode."
        ),
        [DiagnosticCodes.ModelAssumed] = ("Something about the model was assumed.", "State it in the policy."),
        [DiagnosticCodes.ModelClassOrder] = (
            "The order of the model's classes is in doubt.",
            "State 'data.classes' in the policy."
        ),
        [DiagnosticCodes.ModelDevice] = (
            "Where the model computes, or why it cannot compute there.",
            "Set 'device: cpu' where there is no NVIDIA graphics card."
        ),
        [DiagnosticCodes.DataUnreadable] = ("The data cannot be read.", "Check its format and its path."),
        [DiagnosticCodes.DataColumn] = ("The data lacks a column.", "Correct the name in the policy or the data."),
        [DiagnosticCodes.DataValue] = ("The data has values that cannot be used.", "Correct or remove these rows."),
        [DiagnosticCodes.DataEmpty] = ("A split or a group has no rows.", "Give more rows or another group."),
        [DiagnosticCodes.DataCondition] = ("A condition does not run.", "Correct the SQL of the group."),
        [DiagnosticCodes.GateFailed] = (
            "The whole interval of a measure misses the gate's threshold.",
            "Review the proposed repair, retrain the model, or agree on another threshold."
        ),
        [DiagnosticCodes.GateInconclusive] = (
            "The threshold lies inside the measure's interval.",
            "Give more test rows; the report says about how many."
        ),
        [DiagnosticCodes.GateNotMeasured] = (
            "A gate could not be measured, and so does not pass.",
            "See the reason in the message."
        ),
        [DiagnosticCodes.GateNotTrusted] = (
            "A value under attack meets the threshold, but there are signs of hidden gradients.",
            "See the evidence in the message; try a black-box attack."
        ),
        [DiagnosticCodes.RepairProposed] = (
            "A repaired model is proposed.",
            "Review it, replace the model with it, and run the gate again."
        ),
        [DiagnosticCodes.RepairNone] = (
            "No repair helps within the policy's limits.",
            "Retrain the model, give the repair more rows or effort, or agree on another threshold."
        ),
        [DiagnosticCodes.RepairSubstitute] = (
            "A repair worked with a substitute for what was missing.",
            "Give what the message names for the method as published."
        ),
        [DiagnosticCodes.RepairRowsKnown] = (
            "The rows for the repair look like training rows.",
            "Give rows that the model was not trained on."
        ),
        [DiagnosticCodes.RepairNotApplied] = (
            "A repaired model cannot take the model's place.",
            "Run the check again, then apply its repair."
        ),
        [DiagnosticCodes.GitHubDegraded] = (
            "GitHub refused the comment.",
            "Give the job 'pull-requests: write'; pull requests from forks do not get it."
        ),
        [DiagnosticCodes.ReportUnwritable] = ("A report could not be written.", "Check the folder's permissions."),
        [DiagnosticCodes.PolicyChanged] = (
            "The policy differs from the base branch's, which applies.",
            "A maintainer changes it in the base branch."
        ),
        [DiagnosticCodes.BaseUnavailable] = (
            "The base branch's policy or model cannot be had.",
            "Check out with 'fetch-depth: 0', and fetch large files."
        ),
        [DiagnosticCodes.OutputRefused] = (
            "A file must not be written over.",
            "Choose another name, or move the file that is there."
        ),
        [DiagnosticCodes.HistoryUnusable] = (
            "The history of results, or a file of it, cannot be used.",
            "Remove the file that is named, or give the job 'contents: write'; the verdict stands."
        ),
        [DiagnosticCodes.BuildSdk] = ("The build's SDK is too old.", "Install the .NET 10 SDK."),
        [DiagnosticCodes.BuildTool] = ("The build could not start the tool.", "See the message; install the tool."),
        [DiagnosticCodes.ShardRefused] = ("A shard cannot be measured.", "Correct '--shard' or '--part'."),
        [DiagnosticCodes.PartRefused] = ("A part cannot be merged.", "Measure its shard again."),
        [DiagnosticCodes.ShardMeasured] = ("A shard wrote its part.", "Merge the parts of all shards."),
        [DiagnosticCodes.Usage] = ("The command line is wrong.", "See 'posttraingate --help'."),
        [DiagnosticCodes.Internal] = ("A defect of PostTrainGate.", "Report it with the stack trace."),
    };

    /// <summary>What a code means, in a sentence.</summary>
    public static string Meaning(string code) => Texts[code].Meaning;

    /// <summary>What to do about it, in a sentence.</summary>
    public static string Advice(string code) => Texts[code].Advice;
}
