using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;

namespace PostTrainGate.Metrics;

/// <summary>
/// One gate: a metric with its settings and thresholds. Every name is resolved; nothing is looked up later.
/// </summary>
public sealed record GateRule
{
    /// <summary>What is measured.</summary>
    public required IMetric Metric { get; init; }

    /// <summary>Values of the metric's own keys.</summary>
    public SettingValues Settings { get; init; } = SettingValues.None;

    /// <summary>The value must be at least this.</summary>
    public double? Min { get; init; }

    /// <summary>The value (of a difference: its size) must be at most this.</summary>
    public double? Max { get; init; }

    /// <summary>The value may be worse than the base branch's model by at most this.</summary>
    public double? Drop { get; init; }

    /// <summary>
    /// What a verdict other than pass comes to at most: only an error keeps the run from succeeding.
    /// </summary>
    public Severity Severity { get; init; } = Severity.Error;

    /// <summary>A failure that is known and borne for a time; null: none.</summary>
    public AcceptedFailure? Accepted { get; init; }

    /// <summary>Where it stands.</summary>
    public SourcePosition Position { get; init; }

    /// <summary>Name of the group it is measured by; null where the metric takes none.</summary>
    public string? Group
    {
        get => Get(GateKeys.Group);
        init => Settings = Settings.With(GateKeys.Group, value);
    }

    /// <summary>The rate that is compared; null where the metric takes none.</summary>
    public Rate? Rate
    {
        get => Get(GateKeys.Rate);
        init => Settings = Settings.With(GateKeys.Rate, value);
    }

    /// <summary>Which of several classes counts as the favorable outcome.</summary>
    public ClassView Average
    {
        get => Get(GateKeys.Average);
        init => Settings = Settings.With(GateKeys.Average, value);
    }

    /// <summary>
    /// At most this many test rows are attacked, certified or corrupted (a seeded choice); null: all.
    /// </summary>
    public int? Samples
    {
        get => Get(GateKeys.Samples);
        init => Settings = Settings.With(GateKeys.Samples, value);
    }

    /// <summary>The attack it is measured under; null where the metric takes none.</summary>
    public AttackSettings? Attack
    {
        get => AttackKeys.Read(Settings);
        init => Settings = AttackKeys.Write(Settings, value);
    }

    /// <summary>The value of one of the metric's keys, or else its default.</summary>
    public T? Get<T>(Key<T> key) => Settings.Get(key);

    /// <summary>The same gate with another value of one key.</summary>
    public GateRule With<T>(Key<T> key, T? value) => this with { Settings = Settings.With(key, value) };

    /// <summary>The same gate on at most so many rows, where it changes inputs.</summary>
    internal GateRule OnAtMost(int rows) =>
        Metric.ChangesInputs ? this with { Samples = Math.Min(Samples ?? int.MaxValue, rows) } : this;
}
