using System.Collections.Immutable;

namespace PostTrainGate.Policy;

/// <summary>What <c>posttraingate.yml</c> says, immutable, with the places it says it at.</summary>
public sealed record GatePolicy
{
    /// <summary>Path of the policy file as given, for messages.</summary>
    public required string File { get; init; }

    /// <summary>Absolute folder of the policy; every path below is inside it.</summary>
    public required string Folder { get; init; }

    /// <summary>Seed of everything random in a run.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The ONNX file that the gate reads; null where the data hold predictions that were made elsewhere.</summary>
    public PolicyPath? Model { get; init; }

    /// <summary>Where inputs, labels and columns come from.</summary>
    public required DataPolicy Data { get; init; }

    /// <summary>The domain of the model's inputs.</summary>
    public InputPolicy Input { get; init; } = new();

    /// <summary>Which output of the model is read, and what it holds.</summary>
    public OutputPolicy Output { get; init; } = new();

    /// <summary>Named groups, in the order of the file.</summary>
    public ImmutableArray<GroupPolicy> Groups { get; init; } = [];

    /// <summary>What has to hold, in the order of the file; at least one.</summary>
    public required ImmutableArray<GateRule> Gates { get; init; }

    /// <summary>Confidence level of every interval, in (0.5, 1).</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>How intervals make up for the number of gates.</summary>
    public Correction Correction { get; init; } = Correction.Bonferroni;

    /// <summary>Number of gates that the correction counts, where a change must not widen intervals by adding some; null: all.</summary>
    public int? Family { get; init; }

    /// <summary>Confidence level of each gate's interval, in (0.5, 1).</summary>
    public double GateConfidence =>
        Correction == Correction.Bonferroni ? 1 - (1 - Confidence) / Math.Max(1, Family ?? Gates.Length) : Confidence;

    /// <summary>What a gate without a clear verdict means for the run.</summary>
    public OutcomePolicy On { get; init; } = new();

    /// <summary>How to repair; null when the policy says <c>repair: false</c>.</summary>
    public RepairPolicy? Repair { get; init; } = new();

    /// <summary>Which report files to write.</summary>
    public ReportPolicy Report { get; init; } = new();

    /// <summary>What the engine may use before it is ended.</summary>
    public LimitPolicy Limits { get; init; } = new(null, TimeSpan.FromHours(6));

    /// <summary>The file as it was read, key by key; null for a policy that was made otherwise.</summary>
    internal Section? Root { get; init; }
}

/// <summary>The <c>limits</c> section.</summary>
/// <param name="Memory">Bytes of memory; null: four fifths of what the machine or container has.</param>
/// <param name="Time">Time of a whole run.</param>
public sealed record LimitPolicy(long? Memory, TimeSpan Time);

/// <summary>How intervals make up for the number of gates: of many fair ones, some fail by chance.</summary>
public enum Correction
{
    /// <summary>All intervals hold together with the policy's confidence: each misses with a share of what may be missed.</summary>
    Bonferroni,

    /// <summary>Each interval holds by itself.</summary>
    None,
}

/// <summary>A path of the policy: as written, resolved inside the policy's folder, and where it stands.</summary>
/// <param name="Text">As written.</param>
/// <param name="FullPath">Absolute; for a glob the pattern below the policy's folder.</param>
/// <param name="Position">Where it stands.</param>
public sealed record PolicyPath(string Text, string FullPath, SourcePosition Position)
{
    /// <summary>
    /// Absolute paths of the files it stands for when the policy was read: one, or of a glob every match in ordinal order. No
    /// symbolic link takes any of them out of the policy's folder. Read these; do not match the glob again.
    /// </summary>
    public ImmutableArray<string> Files { get; init; } = [FullPath];
}

/// <summary>The <c>data</c> section.</summary>
public sealed record DataPolicy
{
    /// <summary>CSV, Parquet, JSON (a glob works), IDX or NPZ.</summary>
    public required PolicyPath Source { get; init; }

    /// <summary>Column with the label (tables), or array of an NPZ; null where <see cref="Labels"/> is given.</summary>
    public string? Label { get; init; }

    /// <summary>Separate file with the labels (IDX, NPZ).</summary>
    public PolicyPath? Labels { get; init; }

    /// <summary>Column with the predicted class; null where a model predicts.</summary>
    public string? Prediction { get; init; }

    /// <summary>Column with the probability of the favourable class, beside <see cref="Prediction"/>.</summary>
    public string? Score { get; init; }

    /// <summary>Label value (as text) of class 0, 1, ...; empty: sorted values of the column.</summary>
    public ImmutableArray<string> Classes { get; init; } = [];

    /// <summary>Label value of the favourable class (fairness); null: the last class of a binary problem.</summary>
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

    /// <summary>Scaling of numeric columns, fitted on the repair split.</summary>
    public Scaling Scale { get; init; } = Scaling.None;

    /// <summary>What becomes of values that rows lack.</summary>
    public Missing Missing { get; init; } = Missing.Keep;
}

/// <summary>What becomes of values that rows lack.</summary>
public enum Missing
{
    /// <summary>The model gets NaN in place of a number and empty text in place of text; one that cannot use them is an error.</summary>
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
);

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
public sealed record OutputPolicy(string? Name = null, Models.OutputHead? Head = null);

/// <summary>One entry of <c>groups</c>: exactly one of column, condition and cross is given.</summary>
public sealed record GroupPolicy
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>A column whose values are the groups.</summary>
    public string? Column { get; init; }

    /// <summary>The privileged value of <see cref="Column"/>, as text; null: every value is a group of its own.</summary>
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

/// <summary>One entry of <c>gates</c>.</summary>
public sealed record GateRule
{
    /// <summary>Name of a metric of the catalog.</summary>
    public required string Metric { get; init; }

    /// <summary>The group it is measured by, where the metric takes one.</summary>
    public string? Group { get; init; }

    /// <summary>Name of a rate of the catalog, where the metric takes one.</summary>
    public string? Rate { get; init; }

    /// <summary>Order of a generalized entropy, where the metric takes one.</summary>
    public double Alpha { get; init; } = 2;

    /// <summary>Number of nearest neighbours, where the metric takes them.</summary>
    public int Neighbors { get; init; } = 5;

    /// <summary>Least difference of two shares of neighbours that counts, where the metric takes one.</summary>
    public double Gap { get; init; } = 0.2;

    /// <summary>Which classes count as the favourable outcome.</summary>
    public Metrics.ClassView Classes { get; init; }

    /// <summary>The attack it is measured under, where the metric takes one.</summary>
    public AttackSettings? Attack { get; init; }

    /// <summary>The ball that a certificate has to hold for, where the metric takes one.</summary>
    public CertificateSettings? Certificate { get; init; }

    /// <summary>The noise that smooths the classifier, where the metric takes it.</summary>
    public SmoothingSettings? Smoothing { get; init; }

    /// <summary>The corruptions, where the metric takes them.</summary>
    public CorruptionSettings? Corruption { get; init; }

    /// <summary>
    /// Whether the inputs are changed to measure it: costly, so that <see cref="Samples"/> may be fewer where it is done often.
    /// </summary>
    public bool ChangesInputs =>
        Attack is not null || Certificate is not null || Smoothing is not null || Corruption is not null;

    /// <summary>At most this many test rows are attacked (a seeded choice); null: all.</summary>
    public int? Samples { get; init; }

    /// <summary>The same gate on no more than so many rows, where it changes inputs.</summary>
    internal GateRule OnAtMost(int rows) =>
        ChangesInputs ? this with { Samples = Math.Min(Samples ?? int.MaxValue, rows) } : this;

    /// <summary>The value must be at least this.</summary>
    public double? Min { get; init; }

    /// <summary>The value (of a difference: its size) must be at most this.</summary>
    public double? Max { get; init; }

    /// <summary>The value may be worse than the base branch's model by at most this.</summary>
    public double? Drop { get; init; }

    /// <summary>Where it stands.</summary>
    public SourcePosition Position { get; init; }
}

/// <summary>An attack and its budget as a gate states them.</summary>
/// <param name="Name">Name of an attack of the catalog.</param>
/// <param name="Norm">Norm of the perturbation.</param>
/// <param name="Epsilon">Its largest size, in the data's units.</param>
public sealed record AttackSettings(string Name, Attacks.Norm Norm, double Epsilon)
{
    /// <summary>Gradient steps; null: the attack's own default.</summary>
    public int? Steps { get; init; }

    /// <summary>Size of a step; null: the attack's own default.</summary>
    public double? StepSize { get; init; }

    /// <summary>Random restarts, at least 1.</summary>
    public int Restarts { get; init; } = 1;

    /// <summary>Whether the first try starts at a random point of the ball; null: the attack's own default.</summary>
    public bool? RandomStart { get; init; }

    /// <summary>Columns of categories that may change, under an attack that keeps the form of a table's rows.</summary>
    public int Categories { get; init; } = 1;
}

/// <summary>The ball around a row that a certificate has to hold for.</summary>
/// <param name="Norm">Norm of the perturbation.</param>
/// <param name="Epsilon">Its largest size, in the data's units.</param>
/// <param name="Method">How the network's outputs are bounded.</param>
public sealed record CertificateSettings(Attacks.Norm Norm, double Epsilon, Certification.BoundMethod Method);

/// <summary>Randomised smoothing.</summary>
/// <param name="Sigma">Standard deviation of the noise on each value, in the data's units.</param>
/// <param name="Epsilon">Euclidean radius that has to be certified.</param>
/// <param name="Draws">Draws of noise that estimate the class's probability for a row.</param>
public sealed record SmoothingSettings(double Sigma, double Epsilon, int Draws);

/// <summary>Which corruptions.</summary>
/// <param name="Names">Names of corruptions; empty: the usual ones for the kind of data.</param>
/// <param name="Severities">From 1 to 5, each once.</param>
public sealed record CorruptionSettings(ImmutableArray<string> Names, ImmutableArray<int> Severities)
{
    /// <inheritdoc/>
    public bool Equals(CorruptionSettings? other) =>
        other is not null && Names.SequenceEqual(other.Names) && Severities.SequenceEqual(other.Severities);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Names.Length, Severities.Length);
}

/// <summary>What a verdict means for the run.</summary>
public enum Outcome
{
    /// <summary>Counts as passed.</summary>
    Pass,

    /// <summary>Reported as a warning; the run still succeeds.</summary>
    Warn,

    /// <summary>The run does not succeed.</summary>
    Fail,
}

/// <summary>The <c>on</c> section.</summary>
/// <param name="Inconclusive">The interval contains the threshold.</param>
/// <param name="NotMeasured">There is no value.</param>
public sealed record OutcomePolicy(Outcome Inconclusive = Outcome.Warn, Outcome NotMeasured = Outcome.Fail);

/// <summary>The <c>repair</c> section.</summary>
public sealed record RepairPolicy
{
    /// <summary>Names of repairs of the catalog; empty: every one that can address the gates that failed.</summary>
    public ImmutableArray<string> Methods { get; init; } = [];

    /// <summary>Glob of ONNX files of the training history, ascending by name; null: none kept.</summary>
    public PolicyPath? Snapshots { get; init; }

    /// <summary>How much accuracy a repair may cost, in [0,1].</summary>
    public double AccuracyDrop { get; init; } = 0.02;

    /// <summary>Time for all methods together.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Where the proposed model is written; null: beside the model as <c>NAME.repaired.onnx</c>.</summary>
    public PolicyPath? Output { get; init; }

    /// <summary>Where the section stands.</summary>
    public SourcePosition Position { get; init; }
}

/// <summary>The <c>report</c> section. <c>json</c> and <c>markdown</c> are always written.</summary>
/// <param name="Formats">Names of further report writers of the catalog.</param>
/// <param name="Folder">Folder of the reports, relative to the policy.</param>
public sealed record ReportPolicy(ImmutableArray<string> Formats, string Folder = "posttraingate-report")
{
    /// <summary>Only what is always written.</summary>
    public ReportPolicy()
        : this([]) { }
}
