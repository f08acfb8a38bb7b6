using MathNet.Numerics.Distributions;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>
/// Randomized smoothing (Cohen, Rosenfeld and Kolter 2019): the smoothed classifier takes the class that the model
/// gives most often under Gaussian noise. If that has a probability of at least p > 1/2, nothing within sigma Phi^-1(p)
/// in L2 changes it.
/// </summary>
/// <remarks>It needs predicted classes only. As published, noise is not clipped to the bounds of inputs.</remarks>
internal static class Smoothing
{
    /// <summary>Largest probability that a row's certificate is wrong, as published.</summary>
    public const double Alpha = 0.001;

    /// <summary>Draws that choose the class, apart from those that estimate its probability, as published.</summary>
    public const int ChoosingDraws = 100;

    private const long PassSize = 1 << 21;
    private const int Block = 20;

    /// <summary>What the smoothed classifier says of a row.</summary>
    /// <param name="Class">The class; -1 where it abstains.</param>
    /// <param name="Radius">L2 radius within which that holds; 0 where it abstains.</param>
    public readonly record struct Verdict(int Class, double Radius);

    /// <summary>CERTIFY of the paper for each row.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">[n, input shape], in the data's units.</param>
    /// <param name="sigma">Standard deviation of the noise.</param>
    /// <param name="draws">Draws that estimate the probability.</param>
    /// <param name="seed">Of the noise.</param>
    /// <param name="progress">Told the share done, 0 to 1.</param>
    /// <param name="cancel">Stops between passes.</param>
    /// <param name="work">Where blocks of rows are worked on; null: here.</param>
    public static Verdict[] Certify(
        Classifier model,
        Tensor inputs,
        double sigma,
        int draws,
        int seed,
        IProgress<double>? progress = null,
        CancellationToken cancel = default,
        BlockWork? work = null
    )
    {
        var verdicts = new Verdict[inputs.shape[0]];
        using var frozen = model.Freeze();
        Lock gate = new();
        for (var start = 0; start < verdicts.Length; start += Block)
        {
            var (first, end) = (start, Math.Min(start + Block, verdicts.Length));
            var outcome = (work ?? BlockWork.Here).Find($"rows {first}", 2 * (end - first), () => Rows(first, end));
            for (var row = first; outcome is not null && row < end; row++)
                verdicts[row] = new((int)outcome.Values[2 * (row - first)], outcome.Values[2 * (row - first) + 1]);
        }

        return verdicts;

        BlockOutcome Rows(int first, int end)
        {
            var (found, done) = (new double[2 * (end - first)], 0);
            Lanes.ForEach(end - first, end - first, i =>
            {
                var verdict = Row(first + i);
                (found[2 * i], found[2 * i + 1]) = (verdict.Class, verdict.Radius);
                lock (gate)
                    progress?.Report((first + ++done) / (double)verdicts.Length);
            });
            return new(found, []);
        }

        Verdict Row(int row)
        {
            using var scope = NewDisposeScope();
            using var random = new Generator((ulong)Seeds.Derive(seed, "smoothing", row), CPU);
            var x = inputs.narrow(0, row, 1);
            var chosen = Counts(frozen, model.Classes, x, sigma, ChoosingDraws, random, cancel)
                .Index()
                .MaxBy(c => c.Item)
                .Index;
            var hits = Counts(frozen, model.Classes, x, sigma, draws, random, cancel)[chosen];
            return Lower(hits, draws) is > 0.5 and var p ? new(chosen, sigma * Normal.InvCDF(0, 1, p)) : new(-1, 0);
        }
    }

    /// <summary>
    /// Lower end of the one-sided interval of a proportion (Clopper and Pearson 1934) at level 1 - <see cref="Alpha"/>.
    /// </summary>
    public static double Lower(long hits, long draws) => hits == 0 ? 0 : Beta.InvCDF(hits, draws - hits + 1, Alpha);

    // How often each class is predicted; a draw whose logits are not numbers is none's.
    private static long[] Counts(
        FrozenModel model,
        int classes,
        Tensor x,
        double sigma,
        int draws,
        Generator random,
        CancellationToken cancel
    )
    {
        using var _ = no_grad();
        var counts = new long[classes];
        var most = Math.Clamp(PassSize / x.numel(), 1, 500);
        for (long done = 0; done < draws; )
        {
            cancel.ThrowIfCancellationRequested();
            using var pass = NewDisposeScope();
            var count = Math.Min(most, draws - done);
            var noise = randn([count, .. x.shape[1..]], generator: random).mul(Scalars.Get(sigma));
            var logits = model.Logits(x.Plus(noise));
            var numbers = logits.isnan().any(1).logical_not();
            foreach (var predicted in logits.argmax(1).masked_select(numbers).data<long>())
                counts[predicted]++;
            done += count;
        }

        return counts;
    }
}
