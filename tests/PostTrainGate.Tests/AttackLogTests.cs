using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>An attack that is stopped within a batch goes on from what it wrote down.</summary>
[Collection(nameof(Alone))]
public sealed class AttackLogTests : IDisposable
{
    private const int Rows = 12;

    private readonly TemporaryFolder _folder = new();
    private readonly OnnxClassifier _model = OnnxClassifier.Load(Fixtures.Path("fmnist/lenet5.onnx"));
    private readonly EvaluationSet _set = FashionMnist.TestSet(Rows);

    public void Dispose()
    {
        _set.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }

    // Where few rows stand, all targets are one stage, as are the steps of one descent.
    [Theory]
    [InlineData("autoattack", 0.2, 0.03)]
    [InlineData("autoattack", 0.6, 0.3)]
    [InlineData("autoattack", 0.9, 0.7)]
    [InlineData("autoattack_fast", 0.3, 0.2)]
    [InlineData("autoattack_fast", 0.6, 0.4)]
    [InlineData("apgd_t", 0.5, 0)]
    [InlineData("square", 0.3, 0.2)]
    [InlineData("pgd", 0.5, 0)]
    public void A_stopped_attack_goes_on_and_finds_what_it_would_have_found(string attack, double stop, double goesOn)
    {
        var whole = Attack(attack, null, 1, out _);
        Assert.InRange(whole.Robust.Count(r => r), 1, Rows - 1);
        Assert.ThrowsAny<OperationCanceledException>(() => Attack(attack, Book("book"), stop, out _));
        var resumed = Attack(attack, Book("book"), 1, out var first);
        Assert.Equal(whole.Robust, resumed.Robust);
        Assert.Equal(whole.Examples, resumed.Examples);
        Assert.InRange(first, goesOn, 1);
    }

    [Fact]
    public void What_is_finished_is_not_attacked_again_and_then_forgotten()
    {
        Attack("pgd", Book("finished"), 1, out _);
        var again = Book("finished");
        Attack("pgd", again, 1, out var first);
        Assert.InRange(first, 0.5, 1); // the end of a batch of two
        Assert.NotEmpty(Files());
        again.Close();
        Assert.Empty(Files());
    }

    [Fact]
    public void The_log_of_another_attack_is_not_read()
    {
        Attack("pgd", Book("one"), 1, out _);
        Attack("pgd", Book("other"), 1, out var first);
        Assert.InRange(first, 0, 0.3);
    }

    private (bool[] Robust, byte[] Examples) Attack(string attack, AttackLog.Book? book, double stop, out double first)
    {
        using var interrupt = new CancellationTokenSource();
        var told = new List<double>();
        var run = new AttackRun(new(Named.Attack(attack), Norm.Linf, 0.01), 1)
        {
            KeepExamples = true,
            Book = book,
            Cancel = interrupt.Token,
            Progress = new Relay<double>(share =>
            {
                told.Add(share);
                if (share > stop)
                    interrupt.Cancel();
            }),
        };
        using var outcome = AttackHarness.Run(_model, _set, run);
        first = told[0];
        return ([.. outcome.Robust], outcome.Examples!.bytes.ToArray());
    }

    private AttackLog.Book Book(string name) =>
        new(new RunCache(_folder.Path("cache"), _folder.Path("key")), name)
        {
            Interval = TimeSpan.FromMilliseconds(10),
        };

    private string[] Files() => Directory.GetFiles(_folder.Path("cache/steps"), "*", SearchOption.AllDirectories);
}
