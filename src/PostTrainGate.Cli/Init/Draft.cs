using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Init;

/// <summary>A policy that is being written; its text runs at every stage.</summary>
internal sealed partial record Draft
{
    /// <summary>The model, relative to the policy.</summary>
    public required string Model { get; init; }

    /// <summary>The data, relative to the policy.</summary>
    public required string Source { get; init; }

    /// <summary>The file of labels, relative to the policy.</summary>
    public string? LabelFile { get; init; }

    /// <summary>The column or array with the labels.</summary>
    public string? Label { get; init; }

    /// <summary>Labels in the order of the model's outputs; empty: ascending.</summary>
    public ImmutableArray<string> Classes { get; init; } = [];

    /// <summary>The favorable label.</summary>
    public string? Favorable { get; init; }

    /// <summary>The column that holds the label.</summary>
    public ColumnLook LabelColumn(DataLook data) => data.Columns.First(c => c.Name == (Label ?? data.Label));

    /// <summary>Columns that are not inputs.</summary>
    public ImmutableArray<string> Except { get; init; } = [];

    /// <summary>Columns of numbers that stand for categories.</summary>
    public ImmutableArray<ColumnLook> Codes { get; init; } = [];

    /// <summary>Columns of text that become one-hot inputs, unless they are no inputs.</summary>
    public ImmutableArray<ColumnLook> Texts { get; init; } = [];

    /// <summary>How inputs are scaled.</summary>
    public DraftScale Scale { get; init; } = DraftScale.None;

    /// <summary>What speaks for the scale.</summary>
    public string ScaleNote { get; init; } = "";

    /// <summary>Whether rows with missing values are dropped.</summary>
    public bool DropMissing { get; init; }

    /// <summary>Groups that are compared.</summary>
    public ImmutableArray<DraftGroup> Groups { get; init; } = [];

    /// <summary>Why no gate attacks the model; empty where one does.</summary>
    public string NoAttack { get; init; } = "";

    /// <summary>Gates.</summary>
    public ImmutableArray<DraftGate> Gates { get; init; } = [new("accuracy", "", "min: 0", "")];

    /// <summary>The whole file.</summary>
    public string Text()
    {
        var text = new StringBuilder();
        Line($"# yaml-language-server: $schema={PolicySchema.FileName}");
        Line($"# What {Comment(Model)} has to hold before it ships. Run it with: posttraingate check");
        Line("version: 1");
        Line("seed: 1", "all that is random derives from it, so a run can be repeated");
        Line("");
        Line($"model: {Yaml(Model)}", "the file under the gate");
        Line("");
        Line("data:");
        Line($"  source: {Yaml(Source)}", "the rows to measure on, best ones that training never saw");
        if (LabelFile is { } labels)
            Line($"  label_file: {Yaml(labels)}", "the right answers, in the order of the rows");
        if (Label is { } label)
            Line($"  label: {Yaml(label)}", "the right answers");
        if (!Classes.IsEmpty)
            Line($"  classes: {List(Classes)}", "in the order of the model's outputs: so it is most accurate");
        if (Favorable is { } favorable)
            Line($"  favorable: {Yaml(favorable)}", "the outcome that people want; fairness counts it");
        var hasFeatures = !Except.IsEmpty || !Codes.IsEmpty || DropMissing || Scale.Column is not null;
        if (hasFeatures)
            Line("  features:");
        if (!Except.IsEmpty)
            Line($"    except: {List(Except)}", "no inputs of the model");
        if (!Codes.IsEmpty)
            Line($"    categories: {{ {string.Join(", ", Codes.Select(Categories))} }}", "one-hot: so the inputs fit");
        if (DropMissing)
            Line("    missing: drop", "rows with missing values are left out");
        if (Scale.Column is { } scale)
            Line($"    scale: {scale}", ScaleNote);
        if (Texts.Where(c => !Except.Contains(c.Name)).MinBy(c => c.Values.Length) is { } texts)
        {
            var order = $"categories: {{ {Categories(texts)} }}";
            Line(
                hasFeatures ? $"    # {order}" : $"  # features: {{ {order} }}",
                "if training had another order of one-hot inputs, list it so"
            );
        }
        Line("  splits: { repair: 40%, select: 20%, test: 40% }", "to repair on, to choose on, to measure on");
        if (Scale.Bounds is { } bounds)
        {
            Line("");
            Line("input:");
            if (Scale.Factor is { } factor)
                Line($"  scale: {factor}", ScaleNote);
            else if (ScaleNote.Length > 0)
                Line($"  # no scale: {ScaleNote}");
            Line($"  bounds: [{bounds}]", "no attack leaves them; epsilon counts in these units");
        }

        if (!Groups.IsEmpty)
        {
            Line("");
            Line("groups:", "who is compared with whom");
            foreach (var group in Groups)
                Line($"  {Yaml(group.Name)}: {{ {group.Rule} }}", group.Comment);
        }

        Line("");
        Line("gates:", "what has to hold: a value's whole interval must meet the threshold");
        if (NoAttack.Length > 0)
            Line($"  # no attack: {NoAttack}");
        foreach (var gate in Gates)
            Line($"  - {gate.Metric}: {{ {gate.Settings}{gate.Threshold} }}", gate.Comment);
        Line("");
        Line("repair:");
        Line("  max_accuracy_drop: 0.02", "what a repair may cost; 'repair: false' only measures");
        return text.ToString();

        void Line(string line, string comment = "") =>
            text.Append(comment.Length == 0 ? line : $"{line, -44} # {comment}").Append('\n');
    }

    /// <summary>A name as YAML reads it back, in a list or map of one line too.</summary>
    public static string Yaml(string text) =>
        Plain().IsMatch(text) && !Word().IsMatch(text)
            ? text
            : $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Categories(ColumnLook column) =>
        $"{Yaml(column.Name)}: {List(column.Values.Select(v => v.Text))}";

    private static string List(IEnumerable<string> names) => $"[{string.Join(", ", names.Select(Yaml))}]";

    private static string Comment(string text) => text.ReplaceLineEndings(" ");

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$")]
    private static partial Regex Plain();

    // What YAML takes for a truth value or nothing.
    [GeneratedRegex("^(true|false|yes|no|on|off|y|n|null)$", RegexOptions.IgnoreCase)]
    private static partial Regex Word();
}

/// <summary>How inputs come to the model.</summary>
/// <param name="Column">Scaling of a table's columns; null: as they are.</param>
/// <param name="Factor">A factor on all values; null: none.</param>
/// <param name="Bounds">The smallest and largest input in YAML; null: 0 and 1, or of no account.</param>
internal sealed record DraftScale(string? Column, string? Factor, string? Bounds)
{
    /// <summary>As they are, between 0 and 1.</summary>
    public static DraftScale None { get; } = new(null, null, null);

    /// <summary>As they are, within what the data shows.</summary>
    public static DraftScale Within(double lowest, double highest) =>
        lowest >= 0 && highest <= 1
            ? None
            : new(null, null, $"{Wording.Number(Math.Floor(lowest))}, {Wording.Number(Math.Ceiling(highest))}");

    /// <summary>Whether inputs come as they are.</summary>
    public bool IsNone => Column is null && Factor is null;

    /// <summary>For people.</summary>
    public string Title => Factor ?? Column ?? "none";
}

/// <summary>A group.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Rule">Its keys in YAML.</param>
/// <param name="Comment">What they mean.</param>
internal sealed record DraftGroup(string Name, string Rule, string Comment);

/// <summary>A gate.</summary>
/// <param name="Metric">Its metric.</param>
/// <param name="Settings">Its keys but the threshold, in YAML, each with a comma behind it.</param>
/// <param name="Threshold">The threshold in YAML.</param>
/// <param name="Comment">What it means.</param>
internal sealed record DraftGate(string Metric, string Settings, string Threshold, string Comment);
