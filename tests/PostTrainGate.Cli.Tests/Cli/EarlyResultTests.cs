using System.Diagnostics;
using PostTrainGate.Cli.Engine;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reading;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>An engine that is killed leaves the figures that it had, and no pass that it had not earned.</summary>
public sealed class EarlyResultTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public EarlyResultTests()
    {
        foreach (var name in new[] { "model.onnx", "digits.csv" })
            File.Copy(Path.Combine(Fixtures.Repository, "samples/digits", name), _folder.Path(name));
        var other = Directory.EnumerateFiles(Path.Combine(Fixtures.Repository, "samples/digits/history")).First();
        File.Copy(other, _folder.Path("base.onnx"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_killed_while_it_measures_has_the_gates_before()
    {
        var policy = Policy("accuracy: { min: 0.5 }", "robust_accuracy: { attack: pgd, epsilon: 0.1, min: 0.9 }");
        var whole = Gate.Run(policy, new() { Repair = false }, null, TestContext.Current.CancellationToken);
        var cut = Killed(policy, new(), "Measuring the model: robust accuracy");
        Assert.Equal(Figure(whole.Gates[0]), Figure(cut.Gates[0]));
        Assert.Equal(Verdict.Pass, cut.Gates[0].Original.Verdict);
        Assert.Null(cut.Gates[1].Original.Value);
        Assert.Equal("the engine ended before it", cut.Gates[1].Original.Reason);
        Assert.Equal(RunOutcome.Undecided, cut.Outcome);
        Assert.Equal(whole.Data, cut.Data);
    }

    [Fact]
    public void A_run_killed_in_its_repair_has_every_gate()
    {
        var policy = Policy("accuracy: { min: 0.5 }", "robust_accuracy: { attack: pgd, epsilon: 0.1, min: 0.9 }");
        var whole = Gate.Run(policy, new() { Repair = false }, null, TestContext.Current.CancellationToken);
        var cut = Killed(policy, new(), "policy");
        Assert.Equal(whole.Gates.Select(Figure), cut.Gates.Select(Figure));
        Assert.Equal(RunOutcome.Failed, cut.Outcome);
        Assert.False(cut.Repair!.Proposed);
        Assert.Contains(cut.Diagnostics, d => d.Code == DiagnosticCodes.GateFailed);
    }

    // A pass by an attack's word is checked at the end, and what may be lost is known when the base is.
    [Fact]
    public void What_was_not_checked_or_compared_has_its_figure_and_no_verdict()
    {
        var policy = Policy(
            "robust_accuracy: { attack: pgd, epsilon: 0.01, min: 0.3 }",
            "accuracy: { min: 0.5, drop: 0.5 }",
            "accuracy: { min: 1 }"
        );
        var cut = Killed(policy, new() { BaseModel = _folder.Path("base.onnx") }, "Measuring the base branch's model");
        Assert.All(cut.Gates, gate => Assert.NotNull(gate.Original.Value));
        Assert.Equal(
            [Verdict.NotMeasured, Verdict.NotMeasured, Verdict.Fail],
            cut.Gates.Select(gate => gate.Original.Verdict)
        );
        Assert.Equal(
            ["the engine ended before the attack was checked", "the engine ended before the comparison with the base"],
            cut.Gates.Take(2).Select(gate => gate.Original.Reason)
        );
        Assert.Equal(RunOutcome.Failed, cut.Outcome);
    }

    private GatePolicy Policy(params string[] gates) =>
        PolicyReader
            .Read(
                _folder.Write(
                    "posttraingate.yml",
                    $$"""
                    version: 1
                    model: model.onnx
                    data: { source: digits.csv, label: digit }
                    input: { scale: 1/16 }
                    gates:
                    {{string.Join('\n', gates.Select(gate => $"  - {gate}"))}}
                    when: { not_measured: pass }
                    repair: { effort: quick }
                    """
                )
            )
            .Policy!;

    // Killed from outside, as the system does when memory runs out.
    private static GateResult Killed(GatePolicy policy, GateOptions options, string stage)
    {
        using var engine = EngineProcess.Start();
        var killer = new Relay<RunProgress>(p =>
        {
            if (!p.Stage.StartsWith(stage, StringComparison.Ordinal))
                return;
            using var process = Process.GetProcessById(engine.Id);
            process.Kill();
        });
        var result = SupervisedEngine.Run(engine, policy, options, killer, TestContext.Current.CancellationToken);
        Assert.Contains(result.Diagnostics, d => d.Code == DiagnosticCodes.EngineEnded && d.Severity == Severity.Error);
        return result;
    }

    private static (double?, double?, double?, Verdict) Figure(GateReport gate) =>
        (gate.Original.Value, gate.Original.Lower, gate.Original.Upper, gate.Original.Verdict);
}
