using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.History;

/// <summary>Whose results are kept: all of one origin are one series for each gate.</summary>
/// <param name="Policy">The policy's path in its repository, with <c>/</c>.</param>
/// <param name="Leg">What tells several checks of one policy apart, such as legs of a matrix; empty for one.</param>
internal sealed record HistorySource(string Policy, string Leg = "")
{
    /// <summary>A short name, for files.</summary>
    public string Id => HistoryRow.Short(Policy, Leg);
}

/// <summary>A gate of a run, as a history keeps it: what <c>gate-result.json</c> says, flat.</summary>
internal sealed record HistoryRow
{
    /// <summary>Start of the run, in UTC.</summary>
    public required DateTime Time { get; init; }

    /// <summary>Commit that the run was for; null where it is not known.</summary>
    public string? Commit { get; init; }

    /// <summary>Branch or tag that the run was for; null where it is not known.</summary>
    public string? Reference { get; init; }

    /// <inheritdoc cref="HistorySource.Policy"/>
    public required string Policy { get; init; }

    /// <inheritdoc cref="HistorySource.Leg"/>
    public string Leg { get; init; } = "";

    /// <summary>The gate in words.</summary>
    public required string Gate { get; init; }

    /// <summary>What tells the gate from others: metric, title and parameters, but not its threshold.</summary>
    public required string GateId { get; init; }

    /// <summary>Name of the metric.</summary>
    public required string Metric { get; init; }

    /// <inheritdoc cref="GateParameters.Group"/>
    public string? Group { get; init; }

    /// <inheritdoc cref="GateParameters.Rate"/>
    public string? Rate { get; init; }

    /// <inheritdoc cref="GateParameters.Attack"/>
    public string? Attack { get; init; }

    /// <inheritdoc cref="GateParameters.Norm"/>
    public string? Norm { get; init; }

    /// <inheritdoc cref="GateParameters.Epsilon"/>
    public double? Epsilon { get; init; }

    /// <inheritdoc cref="GateParameters.Samples"/>
    public int? Samples { get; init; }

    /// <inheritdoc cref="GateReport.Better"/>
    public required Better Better { get; init; }

    /// <inheritdoc cref="GateReport.Threshold"/>
    public required string Threshold { get; init; }

    /// <inheritdoc cref="GateReport.Min"/>
    public double? Min { get; init; }

    /// <inheritdoc cref="GateReport.Max"/>
    public double? Max { get; init; }

    /// <inheritdoc cref="GateReport.Drop"/>
    public double? Drop { get; init; }

    /// <inheritdoc cref="GateReport.Severity"/>
    public required Severity Severity { get; init; }

    /// <summary>The model under the gate.</summary>
    public required MeasuredValue Original { get; init; }

    /// <summary>The repaired one, where there is one.</summary>
    public MeasuredValue? Repaired { get; init; }

    /// <summary>Level of the intervals.</summary>
    public required double Confidence { get; init; }

    /// <summary>How the whole run ended.</summary>
    public required RunOutcome Outcome { get; init; }

    /// <summary>The model's path in the policy; null where predictions were gated.</summary>
    public string? Model { get; init; }

    /// <summary>SHA-256 of the model; null where predictions were gated.</summary>
    public string? ModelSha256 { get; init; }

    /// <summary>Version of the tool.</summary>
    public required string Tool { get; init; }

    /// <summary>The gates of a result, in their order; none where nothing was run.</summary>
    /// <param name="result">The result.</param>
    /// <param name="source">Whose it is.</param>
    /// <param name="reference">The branch or tag that it is for.</param>
    public static ImmutableArray<HistoryRow> From(GateResult result, HistorySource source, string? reference = null)
    {
        if (result.Run is not { } run)
            return [];
        // The same gate with a second threshold is a series of its own.
        var seen = new Dictionary<string, int>();
        return [.. result.Gates.Select(Row)];

        HistoryRow Row(GateReport gate)
        {
            var p = gate.Parameters;
            var id = Short(gate.Metric, gate.Title, p?.Group, p?.Rate, p?.Attack, p?.Norm, p?.Epsilon, p?.Samples);
            seen[id] = seen.GetValueOrDefault(id) + 1;
            return new()
            {
                Time = run.Started.UtcDateTime,
                Commit = result.Commit,
                Reference = reference,
                Policy = source.Policy,
                Leg = source.Leg,
                Gate = gate.Title,
                GateId = seen[id] == 1 ? id : $"{id}-{seen[id]}",
                Metric = gate.Metric,
                Group = p?.Group,
                Rate = p?.Rate,
                Attack = p?.Attack,
                Norm = p?.Norm,
                Epsilon = p?.Epsilon,
                Samples = p?.Samples,
                Better = gate.Better,
                Threshold = gate.Threshold,
                Min = gate.Min,
                Max = gate.Max,
                Drop = gate.Drop,
                Severity = gate.Severity,
                Original = gate.Original,
                Repaired = gate.Repaired,
                Confidence = result.GateConfidence,
                Outcome = result.Outcome,
                Model = result.Model?.File,
                ModelSha256 = result.Model?.Sha256,
                Tool = result.Tool,
            };
        }
    }

    /// <summary>A short hash of several values.</summary>
    public static string Short(params object?[] values) =>
        Hash.Compute(writer =>
        {
            foreach (var value in values)
                writer.Write(FormattableString.Invariant($"{value}"));
        })[..8];
}
