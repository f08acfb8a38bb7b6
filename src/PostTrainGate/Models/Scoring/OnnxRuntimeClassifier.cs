using System.Collections.Immutable;
using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// A file that cannot be rebuilt with gradients (trees, quantized or custom operators), run in ONNX Runtime for its
/// scores. Every metric works, and every attack that needs logits only.
/// </summary>
public sealed class OnnxRuntimeClassifier : Classifier
{
    private const int TrialRows = 32;

    // ONNX Runtime does not say what its values take. Those alive at once in usual networks are some times the input.
    private const long TimesInput = 64;

    private readonly OnnxFile _file;
    private readonly InputBinding _feeds;
    private readonly OnnxSession _session;
    private readonly string _outputs;
    private readonly long _batch; // rows at a time, or 0
    private readonly long _passBytes;
    private readonly InputNormalization? _normalization;

    private OnnxRuntimeClassifier(OnnxFile file, InputBinding feeds, ScoreOutput end, ModelUse use, string why)
    {
        (_file, _feeds, _outputs) = (file, feeds, string.Join(' ', end.Outputs));
        (Input, WhyNoGradients, Output) = (use.Input, why, end.Name);
        use.Fit?.Invoke(feeds.InputShape);
        InputShape = use.Data is { } data ? [.. data.InputShape] : feeds.InputShape;
        _passBytes = use.PassBytes;
        _batch =
            feeds.Batch > 0 ? feeds.Batch
            : RowIndependence.NeedsSingleRows(file.Graph) ? 1
            : 0;
        using var work = NativeWork.Begin($"ONNX Runtime running '{file.Name}'");
        _session = new(file, end.Model, end.Outputs, Environment.ProcessorCount);
        try
        {
            _normalization = InputNormalization.FromPolicy(use.Input, file, InputShape);
            using var rows = use.Some(TrialRows);
            (Head, Classes) = Try(end, rows);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Opens a file and runs one batch.</summary>
    /// <param name="file">The file.</param>
    /// <param name="use">What it is loaded for.</param>
    /// <param name="why">Why it is not rebuilt with gradients, in one line.</param>
    /// <exception cref="GateException">
    /// PTG2001: ONNX Runtime refuses it; PTG2004: it is no classifier that these rows fit.
    /// </exception>
    internal static OnnxRuntimeClassifier Load(OnnxFile file, ModelUse use, string why) =>
        new(file, InputBinding.Bind(file, use.Layout), ScoreOutput.Find(file, use.Output), use, why);

    /// <inheritdoc/>
    public override string Name => _file.Name;

    /// <inheritdoc/>
    public override ImmutableArray<long> InputShape { get; }

    /// <inheritdoc/>
    public override string Output { get; }

    /// <inheritdoc/>
    public override int Classes { get; }

    /// <inheritdoc/>
    public override OutputHead Head { get; }

    /// <inheritdoc/>
    public override InputPolicy Input { get; }

    /// <inheritdoc/>
    public override bool HasGradients => false;

    /// <inheritdoc/>
    public override string WhyNoGradients { get; }

    /// <inheritdoc/>
    internal override string Fingerprint =>
        Hash.Compute(content =>
        {
            Describe(content);
            content.Write(_outputs);
            _file.Model.WriteTo(content.BaseStream);
        });

    /// <inheritdoc/>
    internal override long RowsPerPass(bool gradients)
    {
        var bytes = InputShape.Aggregate(sizeof(float) * TimesInput, (a, b) => a * Math.Max(1, b));
        return new PassFootprint(bytes, bytes).Rows(_passBytes, gradients);
    }

    /// <inheritdoc/>
    public override Tensor Logits(Tensor inputs)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return OnnxHead.ToLogits(Run(inputs)[0], Head).to_type(float32).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _session.Dispose();
        _normalization?.Dispose();
    }

    // What the outputs of the part give, one after the other, for a batch of any size. Numbers are float32 or float64.
    private Tensor[] Run(Tensor inputs)
    {
        var x = _normalization!.Apply(inputs);
        var rows = x.shape[0];
        if (rows == 0)
            return [zeros(0, Classes)];
        var batch = _batch > 0 ? _batch : Math.Min(rows, RowsPerPass(gradients: false));
        var parts = new List<Tensor[]>();
        for (long start = 0; start < rows; start += batch)
        {
            // A file that fixes its batch gets a last one that is filled up with its last row.
            var count = Math.Min(batch, rows - start);
            var part = x.narrow(0, start, count);
            if (count < batch)
                part = cat([part, part.narrow(0, count - 1, 1).expand([batch - count, .. part.shape[1..]])], 0);
            parts.Add([
                .. RunBatch(part)
                    .Select(t =>
                        t.dim() > 0 && t.shape[0] == batch ? t.narrow(0, 0, count) : throw NotAClassifiers(t, batch)
                    ),
            ]);
        }

        return parts.Count == 1 ? parts[0] : [.. parts[0].Select((_, i) => cat([.. parts.Select(p => p[i])], 0))];
    }

    private IEnumerable<Tensor> RunBatch(Tensor x)
    {
        var values = _feeds.Fill(x);
        try
        {
            return _session
                .Run(_feeds.Names, values)
                .Select(t =>
                    t is null ? throw OnnxSignature.Wrong(_file, "returns an output that is not numeric")
                    : t.dtype == ScalarType.Float64 ? t
                    : t.to_type(float32)
                );
        }
        finally
        {
            foreach (var value in values)
                value.Dispose();
        }
    }

    private GateException NotAClassifiers(Tensor output, long rows) =>
        OnnxSignature.Wrong(
            _file,
            $"returns an output of shape [{string.Join(", ", output.shape)}] for {rows} rows; "
                + "a classifier returns [batch, classes]"
        );

    // One batch shows how many classes there are, and what the output holds where neither graph nor user says it.
    private (OutputHead Head, int Classes) Try(ScoreOutput end, Tensor? rows)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var outputs = rows is null ? Trial() : Run(rows);
        if (outputs.FirstOrDefault(o => o.shape.Skip(1).Count(d => d != 1) > 1) is { } wrong)
            throw NotAClassifiers(wrong, TrialRows);
        var units = outputs[0].flatten(1).to_type(float32);
        var tolerance = OnnxAgreement.ToleranceOf(_file.Weights.Select(w => w.Tensor.DataType).ToHashSet());
        if (outputs.Length > 1 && !OnnxHead.Restores(end.Head!.Value, units, outputs[1].to_type(float32), tolerance))
            throw OnnxSignature.Wrong(_file, $"ends in a {end.Head} that is not over the class dimension");
        var single = units.shape[1] == 1;
        var shares = OnnxHead.AreShares(units);
        if (end.Head == OutputHead.Probabilities && !shares)
            throw OnnxSignature.Wrong(
                _file,
                "returns values outside [0, 1], which contradicts 'output.head: probabilities'"
            );
        if (end.Head is null && OnnxHead.IsSingleShare(null, units))
            throw OnnxSignature.Wrong(_file, OnnxHead.SingleShare);

        var head = end.Head
            ?? (
                single ? OutputHead.Sigmoid
                : OnnxHead.AreProbabilities(units) ? OutputHead.Probabilities
                : OutputHead.Logits
            );
        return (head, single ? 2 : (int)units.shape[1]);
    }

    private Tensor[] Trial()
    {
        var open = InputShape.Contains(-1);
        var sizes = open ? OnnxAgreement.OpenSizesOf(_file, InputShape) : [1];
        foreach (var size in sizes)
        {
            try
            {
                return Run(_feeds.Random(TrialRows, size, Input.Lower, Input.Upper));
            }
            catch (GateException) when (size != sizes[^1])
            {
                // Not this size.
            }
        }

        throw new InvalidOperationException("the last batch size must not fail silently");
    }
}
