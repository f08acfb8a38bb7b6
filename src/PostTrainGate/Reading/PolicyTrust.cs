using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Reading;

/// <summary>Whose policy decides a key where a change is held against its base.</summary>
internal enum Decider
{
    /// <summary>The base's value applies; a change of it is said and does not apply before the base has it.</summary>
    Base,

    /// <summary>All of the base's apply; the change may add some.</summary>
    BaseAndMore,

    /// <summary>The change's own value applies: no verdict depends on it.</summary>
    Change,
}

/// <summary>
/// Who decides each key of the policy, and why: the one place that says so. A key that is not here counts as the
/// base's, and a test asks
/// for its row.
/// </summary>
internal static class PolicyTrust
{
    private const string Rows = "It decides which rows are measured.";
    private const string Meaning = "It decides what the numbers mean.";
    private const string Threshold = "It is the threshold.";
    private const string Measured = "It decides what is measured.";
    private const string GateKey = "gates[].METRIC.";
    private const string Search = "It steers the search for a repair; the verdict is about the submitted model.";

    private static readonly (string Key, Decider By, string Why)[] Table =
    [
        ("version", Decider.Base, Meaning),
        ("seed", Decider.Base, "Someone could try seeds until one passes."),
        ("model", Decider.Change, "The change brings the model. Its path may change only if the base's file is gone."),
        ("data", Decider.Base, Meaning),
        ("data.source", Decider.Base, Rows + " The files' content is the change's."),
        ("data.label", Decider.Base, Meaning),
        ("data.label_file", Decider.Base, Rows + " The file's content is the change's."),
        ("data.prediction", Decider.Base, Meaning),
        ("data.score", Decider.Base, Meaning),
        ("data.classes", Decider.Base, Meaning),
        ("data.favorable", Decider.Base, Meaning),
        ("data.features", Decider.Base, Meaning),
        ("data.features.only", Decider.Base, Meaning),
        ("data.features.except", Decider.Base, Meaning),
        ("data.features.immutable", Decider.Base, "Columns that no attack may change make a model look robust."),
        ("data.features.categories", Decider.Base, Meaning),
        ("data.features.scale", Decider.Base, Meaning),
        ("data.features.missing", Decider.Base, Rows),
        ("data.splits", Decider.Base, Rows),
        ("data.splits.repair", Decider.Base, Rows),
        ("data.splits.select", Decider.Base, Rows),
        ("data.splits.test", Decider.Base, Rows),
        ("data.splits.trained", Decider.Base, Rows),
        ("input", Decider.Base, Meaning),
        ("input.bounds", Decider.Base, "Epsilon uses its units."),
        ("input.scale", Decider.Base, "Epsilon uses its units."),
        ("input.mean", Decider.Base, Meaning),
        ("input.std", Decider.Base, "It stretches the model's input under the same epsilon."),
        ("input.size", Decider.Base, Meaning),
        ("input.layout", Decider.Base, Meaning),
        ("output", Decider.Base, Meaning),
        ("output.name", Decider.Base, Meaning),
        ("output.head", Decider.Base, Meaning),
        ("groups", Decider.Base, "Splits are stratified by group, so another group means another test split."),
        ("groups.NAME.column", Decider.Base, Meaning),
        ("groups.NAME.privileged", Decider.Base, Meaning),
        ("groups.NAME.bins", Decider.Base, Meaning),
        ("groups.NAME.where", Decider.Base, Meaning),
        ("groups.NAME.cross", Decider.Base, Meaning),
        ("groups.NAME.dependent", Decider.Base, Meaning),
        ("groups.NAME.min_count", Decider.Base, Meaning),
        (
            "gates",
            Decider.BaseAndMore,
            "The base's gates apply unchanged. A change may add gates on groups that the base has."
        ),
        ("gates[].METRIC.samples", Decider.Base, Rows),
        ("gates[].METRIC.min", Decider.Base, Threshold),
        ("gates[].METRIC.max", Decider.Base, Threshold),
        ("gates[].METRIC.drop", Decider.Base, Threshold),
        ("gates[].METRIC.severity", Decider.Base, Threshold),
        ("gates[].METRIC.accept", Decider.Base, Threshold),
        ("gates[].METRIC.accept.until", Decider.Base, Threshold),
        ("gates[].METRIC.accept.reason", Decider.Base, Threshold),
        ("severity", Decider.Base, Threshold),
        ("confidence", Decider.Base, "It decides how certain a verdict must be."),
        (
            "correction",
            Decider.Base,
            "It decides how certain a verdict must be; added gates do not widen the base's intervals."
        ),
        ("when", Decider.Base, Threshold),
        ("when.inconclusive", Decider.Base, Threshold),
        ("when.not_measured", Decider.Base, Threshold),
        ("repair", Decider.Change, Search),
        ("repair.methods", Decider.Change, Search),
        ("repair.snapshots", Decider.Change, Search),
        ("repair.max_accuracy_drop", Decider.Base, "It is the threshold for a repair."),
        ("repair.accept", Decider.Base, "It is a threshold for a repair."),
        ("repair.effort", Decider.Change, Search),
        ("repair.time_limit", Decider.Change, Search),
        ("repair.graph", Decider.Change, Search),
        ("repair.write_refused", Decider.Change, "It writes a file under the rules of `repair.output`."),
        (
            "repair.output",
            Decider.Change,
            "A file that is not there, or one that an earlier repair wrote; never in `.git` or `.github`, links "
                + "followed."
        ),
        ("report", Decider.Change, "It decides what is written about the result."),
        (
            "report.folder",
            Decider.Change,
            "Its files are new, or an earlier run's; never in `.git` or `.github`, links followed."
        ),
        ("device", Decider.Base, "A run without the device gives no verdict."),
        ("limits", Decider.Base, "A stopped run never passes."),
        ("limits.memory", Decider.Base, "A stopped run never passes."),
        ("limits.time", Decider.Base, "A stopped run never passes."),
    ];

    private static readonly Dictionary<string, (Decider By, string Why)> ByKey = Table.ToDictionary(
        r => r.Key,
        r => (r.By, r.Why)
    );

    /// <summary>Every key that the table names.</summary>
    public static IEnumerable<string> Keys => ByKey.Keys;

    /// <summary>Who decides a key; null for one that the table lacks.</summary>
    /// <param name="key">
    /// As the documentation writes it: <c>data.source</c>, <c>groups.NAME.where</c>, <c>gates[].METRIC.min</c>.
    /// </param>
    /// <param name="catalog">Its report writers stand for keys.</param>
    public static (Decider By, string Why)? Find(string key, ICatalog catalog) =>
        ByKey.TryGetValue(key, out var row) ? row
        : key.StartsWith(GateKey, StringComparison.Ordinal) ? (Decider.Base, Measured)
        : catalog.All<IReportWriter>().Any(r => key == $"report.{r.Name}") ? ByKey["report"]
        : null;

    /// <summary>Who decides a key; the base where nothing is said.</summary>
    public static Decider DeciderOf(string key, ICatalog catalog) => Find(key, catalog)?.By ?? Decider.Base;

    /// <summary>The table as Markdown, in the order of the schema.</summary>
    public static string Markdown(ICatalog catalog)
    {
        var text = new StringBuilder("| key | who decides | why |\n| --- | --- | --- |\n");
        foreach (var key in PolicyReference.Keys(catalog))
        {
            var (by, why) = Find(key, catalog) ?? (Decider.Base, "");
            text.Append($"| `{key}` | {Words(by)} | {why} |\n");
        }

        return text.ToString();
    }

    private static string Words(Decider by) =>
        by switch
        {
            Decider.Base => "base",
            Decider.BaseAndMore => "base; the change may add",
            _ => "change",
        };
}
