using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Policy;

/// <summary>The <c>limits</c> section.</summary>
/// <param name="Memory">Bytes of memory; null: four fifths of what the machine or container has.</param>
/// <param name="Time">Time of a whole run.</param>
public sealed record LimitPolicy(long? Memory, TimeSpan Time);

/// <summary>A path of the policy: as written, resolved inside the policy's folder, and where it stands.</summary>
/// <param name="Text">As written.</param>
/// <param name="FullPath">Absolute; for a glob the pattern below the policy's folder.</param>
/// <param name="Position">Where it stands.</param>
public sealed record PolicyPath(string Text, string FullPath, SourcePosition Position)
{
    /// <summary>
    /// Absolute paths of the files it stands for when the policy was read: one, or of a glob every match in ordinal
    /// order. No symbolic link takes any of them out of the policy's folder. Read these; do not match the glob again.
    /// </summary>
    public ImmutableArray<string> Files { get; init; } = [FullPath];
}

/// <summary>The <c>data</c> section.</summary>
public sealed record DataPolicy
{
    /// <summary>CSV, Parquet, JSON (a glob works), IDX or NPZ.</summary>
    public required PolicyPath Source { get; init; }

    /// <summary>
    /// Column with the label (tables), or array of an NPZ; null where <see cref="LabelFile"/> is given.
    /// </summary>
    public string? Label { get; init; }

    /// <summary>Separate file with the labels (IDX, NPZ).</summary>
    public PolicyPath? LabelFile { get; init; }

    /// <summary>Column with the predicted class; null where a model predicts.</summary>
    public string? Prediction { get; init; }

    /// <summary>Column with the probability of the favorable class, beside <see cref="Prediction"/>.</summary>
    public string? Score { get; init; }

    /// <summary>Label value (as text) of class 0, 1, ...; empty: sorted values of the column.</summary>
    public ImmutableArray<string> Classes { get; init; } = [];

    /// <summary>Label value of the favorable class (fairness); null: the last class of a binary problem.</summary>
    public string? Favorable { get; init; }

    /// <summary>Which columns are inputs, and how they are scaled.</summary>
    public FeaturePolicy Features { get; init; } = new();

    /// <summary>Shares of the three disjoint splits.</summary>
    public SplitPolicy Splits { get; init; } = new();

    /// <summary>Where the section stands.</summary>
    public SourcePosition Position { get; init; }
}

/// <summary>The <c>features</c> section of tables.</summary>
public sealed record FeaturePolicy
{
    /// <summary>Columns that are inputs; empty: all but the label and <see cref="Except"/>.</summary>
    public ImmutableArray<string> Only { get; init; } = [];

    /// <summary>Columns that are not inputs (they may still define groups).</summary>
    public ImmutableArray<string> Except { get; init; } = [];

    /// <summary>Columns that no attack on the rows of a table may change.</summary>
    public ImmutableArray<string> Immutable { get; init; } = [];

    /// <summary>Columns whose one-hot inputs stand in an order of their own; of others it is that of the text.</summary>
    public ImmutableArray<CategoryOrder> Categories { get; init; } = [];

    /// <summary>Scaling of numeric columns, fitted on the repair split.</summary>
    public Scaling Scale { get; init; } = Scaling.None;

    /// <summary>What becomes of values that rows lack.</summary>
    public Missing Missing { get; init; } = Missing.Keep;
}

/// <summary>The values of a column in the order of their one-hot inputs.</summary>
/// <param name="Column">The column.</param>
/// <param name="Values">As text; every one has an input, whether rows have it or not.</param>
public sealed record CategoryOrder(string Column, ImmutableArray<string> Values)
{
    /// <inheritdoc/>
    public bool Equals(CategoryOrder? other) =>
        other is not null && Column == other.Column && Values.SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Values.Length);

    /// <inheritdoc/>
    public override string ToString() => $"{Column}: [{string.Join(", ", Values)}]";
}

/// <summary>What becomes of values that rows lack.</summary>
public enum Missing
{
    /// <summary>
    /// The model gets NaN in place of a number and empty text in place of text; one that cannot use them is an error.
    /// </summary>
    Keep,

    /// <summary>Rows that lack one are left out.</summary>
    Drop,

    /// <summary>They are an error.</summary>
    Error,
}

/// <summary>How numeric columns are scaled.</summary>
public enum Scaling
{
    /// <summary>As they are.</summary>
    None,

    /// <summary>To [0,1] by the repair split's minimum and maximum.</summary>
    MinMax,

    /// <summary>To zero mean and unit variance on the repair split.</summary>
    Standard,
}

/// <summary>Shares of the splits, each in (0,1), together at most 1.</summary>
/// <param name="Repair">Rows that a repair may learn from, and encoders are fitted on.</param>
/// <param name="Select">Rows that candidates are chosen on.</param>
/// <param name="Test">Rows that are measured once.</param>
/// <param name="Position">Where the section stands.</param>
public sealed record SplitPolicy(
    double Repair = 0.5,
    double Select = 0.2,
    double Test = 0.3,
    SourcePosition Position = default
)
{
    /// <summary>
    /// Condition for the rows that the model was trained on: they are all in the repair split; null: not known.
    /// </summary>
    public string? Trained { get; init; }
}

/// <summary>The <c>input</c> section: the data's own units, in which epsilon counts.</summary>
public sealed record InputPolicy
{
    /// <summary>Smallest legal input value.</summary>
    public double Lower { get; init; }

    /// <summary>Largest legal input value.</summary>
    public double Upper { get; init; } = 1;

    /// <summary>Factor on raw values before bounds apply (IDX bytes: 1/255).</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Per-channel mean that the model expects subtracted; empty: none.</summary>
    public ImmutableArray<double> Mean { get; init; } = [];

    /// <summary>Per-channel deviation that the model expects divided by; empty: none.</summary>
    public ImmutableArray<double> Std { get; init; } = [];

    /// <summary>Height and width that images are brought to; empty: as they are.</summary>
    public ImmutableArray<int> Size { get; init; } = [];

    /// <summary>Order of axes that the model takes images in; null: as its input shape shows.</summary>
    public ImageLayout? Layout { get; init; }

    /// <summary>True when the policy gives bounds itself.</summary>
    public bool BoundsGiven { get; init; }
}

/// <summary>Order of the axes of images.</summary>
public enum ImageLayout
{
    /// <summary>Batch, channels, height, width.</summary>
    Nchw,

    /// <summary>Batch, height, width, channels.</summary>
    Nhwc,
}

/// <summary>The <c>output</c> section.</summary>
/// <param name="Name">Name of the output; null: the first that holds scores.</param>
/// <param name="Head">What it holds; null: what is found.</param>
public sealed record OutputPolicy(string? Name = null, OutputHead? Head = null);

/// <summary>One entry of <c>groups</c>: exactly one of column, condition and cross is given.</summary>
public sealed record GroupPolicy
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>A column whose values are the groups.</summary>
    public string? Column { get; init; }

    /// <summary>
    /// The privileged value of <see cref="Column"/>, as text; null: every value is a group of its own.
    /// </summary>
    public string? Privileged { get; init; }

    /// <summary>An SQL condition; true is privileged.</summary>
    public string? Where { get; init; }

    /// <summary>Where a continuous <see cref="Column"/> is cut, ascending; empty: its values are the groups.</summary>
    public ImmutableArray<double> Bins { get; init; } = [];

    /// <summary>Columns that depend on the group's and change with them in a counterfactual.</summary>
    public ImmutableArray<string> Dependent { get; init; } = [];

    /// <summary>Fewest rows that a rate of a level may rest on.</summary>
    public int MinCount { get; init; } = 1;

    /// <summary>Names of groups whose intersections are the groups.</summary>
    public ImmutableArray<string> Cross { get; init; } = [];

    /// <summary>Where it stands.</summary>
    public SourcePosition Position { get; init; }
}
