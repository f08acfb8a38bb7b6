using System.Collections.Immutable;
using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// An ONNX file rebuilt as a differentiable graph. Its initializers are the parameters; any value can be tapped.
/// </summary>
public sealed partial class OnnxClassifier : Classifier
{
    /// <summary>Name that stands for the logits in <see cref="Values"/>.</summary>
    public const string LogitsTap = "";

    // Of a pass: with fewer, each value of it is a block of many MiB.
    private const int OfLargeRows = 64;

    private readonly OnnxFile _file;
    private readonly CompiledModel _model;
    private readonly Tensor[] _state;
    private readonly Dictionary<string, Tensor> _parameters;
    private readonly InputNormalization _normalization;
    private readonly bool _fewShapes;

    private OnnxClassifier(
        OnnxFile file,
        CompiledModel model,
        Tensor[] state,
        ImmutableArray<Layer> layers,
        InputPolicy input,
        OutputHead head,
        int classes
    )
    {
        (_file, _model, _state, Layers, Input, Head, Classes) = (file, model, state, layers, input, head, classes);
        _parameters = model.Parameters.ToDictionary(p => p.Key, p => state[p.Value]);
        _normalization = InputNormalization.FromPolicy(input, file, InputShape);
        _fewShapes = model.Device.IsCpu && !model.Signature.RowByRow && BatchPadding.Helps(model.Graph);
    }

    /// <summary>Reads, checks and rebuilds a file; one batch must agree with ONNX Runtime.</summary>
    /// <param name="path">The file; external data may lie beside it.</param>
    /// <param name="input">Bounds and normalization of inputs; null: [0, 1] as they are.</param>
    /// <param name="output">Which output, and what it holds; null: what is found.</param>
    /// <exception cref="GateException">PTG2xxx: unreadable, an operator without a rebuild, disagreement.</exception>
    public static OnnxClassifier Load(string path, InputPolicy? input = null, OutputPolicy? output = null) =>
        Load(OnnxFile.Read(path), new ModelUse(input ?? new(), output ?? new()));

    /// <summary>Checks and rebuilds a file that was read.</summary>
    /// <exception cref="GateException">PTG2xxx.</exception>
    internal static OnnxClassifier Load(OnnxFile file, ModelUse use)
    {
        NativeMemory.Tune();
        file = OnnxLowering.Lower(file, use.Layout);
        var signature = OnnxSignature.Read(file, use.Output);
        use.Fit?.Invoke(signature.InputShape);
        if (use.Data is { } data)
            signature = signature with { InputShape = [.. data.InputShape] };
        try
        {
            return Load(file, use, signature);
        }
        catch (GateException apart)
            when (signature.Batch == 1
                && !signature.RowByRow
                && apart.Diagnostics[0].Code is DiagnosticCodes.ModelShape or DiagnosticCodes.ModelDisagrees
            )
        {
            // A file that fixes its batch may count on it in any shape that it states.
            return Load(file, use, signature with { RowByRow = true });
        }
    }

    private static OnnxClassifier Load(OnnxFile file, ModelUse use, OnnxSignature signature)
    {
        var model = OnnxCompiler.Compile(file, signature, single: true).On(use.Device);
        try
        {
            var input = use.Input;
            using var normalization = InputNormalization.FromPolicy(input, file, model.Signature.InputShape);
            using var rows = use.Some(OnnxAgreement.Rows);
            var (units, head, row) = OnnxAgreement.Check(file, model, input, normalization, rows);
            if (row.Rows(use.PassBytes, gradients: true) < OfLargeRows)
                NativeMemory.ReturnLargeBlocks();
            // A unit that nothing follows is one before its sigmoid.
            if (units == 1 && head == OutputHead.Logits)
                head = OutputHead.Sigmoid;
            return new(file, model, model.State, OnnxLayers.Find(model), input, head, units == 1 ? 2 : (int)units)
            {
                UnitsBeforeHead = units,
                Memory = (row, use.PassBytes),
            };
        }
        catch
        {
            foreach (var tensor in model.State)
                tensor?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name => _file.Name;

    /// <inheritdoc/>
    public override string Output => _model.Signature.Output;

    /// <summary>Whether the graph was lowered, so that its first layer need not read the columns of a row in order.</summary>
    internal bool IsLowered => _file.Lowering is not null;

    /// <summary>Whether rows are run one by one and stacked, as the file fixes its batch to one.</summary>
    internal bool IsRowByRow => _model.Signature.RowByRow;

    /// <inheritdoc/>
    public override ImmutableArray<long> InputShape => _model.Signature.InputShape;

    /// <inheritdoc/>
    public override int Classes { get; }

    /// <inheritdoc/>
    public override OutputHead Head { get; }

    /// <inheritdoc/>
    public override InputPolicy Input { get; }

    /// <inheritdoc/>
    public override bool HasGradients => true;

    /// <summary>Weighted layers in forward order.</summary>
    public ImmutableArray<Layer> Layers { get; }

    /// <summary>
    /// Float initializers by name (and float constants with axes). Leaves without gradients unless a repair asks for
    /// them; the statistics of a batch normalization never have any.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => _parameters;

    /// <summary>The graph with what it starts from, for those who compute other things of it than values.</summary>
    internal (CompiledModel Model, Tensor[] State, InputNormalization Normalization) Rebuilt =>
        (_model, _state, _normalization);

    /// <inheritdoc/>
    internal override string Fingerprint =>
        Hash.Compute(content =>
        {
            Describe(content);
            if (!Device.IsCpu)
                content.Write(Device.Name); // which rounds in its own way
            content.Write(_model.Signature.ToString() ?? "");
            _file.Model.WriteTo(content.BaseStream);
            foreach (var tensor in _state.OfType<Tensor>())
            {
                using var values = tensor.detach().contiguous().OnHost();
                content.Write(values.bytes);
            }
        });

    /// <inheritdoc/>
    public override Tensor Logits(Tensor inputs) => Values(inputs, LogitsTap)[0];

    /// <summary>
    /// The front of the network: the value named <paramref name="tap"/>, such as <see cref="Layer.Output"/>.
    /// </summary>
    /// <param name="inputs">[batch, input shape], in the data's units.</param>
    /// <param name="tap">Name of any value of the graph.</param>
    /// <returns>The value, batch first; the caller disposes it.</returns>
    public Tensor Activations(Tensor inputs, string tap) => Values(inputs, tap)[0];

    /// <summary>
    /// Several values of one pass, in the order asked for; <see cref="LogitsTap"/> stands for the logits.
    /// </summary>
    /// <param name="inputs">[batch, input shape], in the data's units.</param>
    /// <param name="taps">Names of values of the graph.</param>
    /// <returns>A value per name; the caller disposes them.</returns>
    /// <exception cref="GateException">PTG2004: inputs of another shape.</exception>
    /// <exception cref="ArgumentException">A name that the graph does not have.</exception>
    public Tensor[] Values(Tensor inputs, params ReadOnlySpan<string> taps)
    {
        if (!Fits(inputs))
        {
            throw OnnxSignature.Wrong(
                _file,
                $"takes float32 inputs [batch, {string.Join(", ", InputShape)}], "
                    + $"not {inputs.dtype} of shape [{string.Join(", ", inputs.shape)}]"
            );
        }

        Span<int> slots = stackalloc int[taps.Length];
        for (var i = 0; i < taps.Length; i++)
        {
            slots[i] = taps[i].Length == 0 ? _model.Logits : _model.Graph.Slot(taps[i]);
            if (slots[i] < 0)
                throw new ArgumentException($"The model '{Name}' has no value '{taps[i]}'.", nameof(taps));
        }

        var rows = inputs.size(0);
        if (is_grad_enabled())
        {
            if (Deferred is { } deferred && rows > RowsPerPass(gradients: true))
                return deferred.Run(this, inputs, taps.ToArray());
        }
        else if (rows > RowsPerPass(gradients: false))
        {
            return ValuesInParts(inputs, taps.ToArray());
        }

        using var scope = NewDisposeScope();
        var batch = _fewShapes && Moments is null ? BatchPadding.Fill(inputs) : inputs;
        // The one place where rows go to the device, and where values come back to the rows.
        var x = Device.Take(_normalization.Apply(batch));
        var values = Moments is { } moments ? moments.Run(_state, x, slots) : _model.Run(_state, x, slots);
        for (var i = 0; i < taps.Length; i++)
        {
            var value = ReferenceEquals(batch, inputs) ? values[i] : values[i].narrow(0, 0, rows);
            var found = taps[i].Length == 0 ? OnnxHead.ToLogits(value, Head) : value;
            values[i] = found.On(inputs).MoveToOuterDisposeScope();
        }

        return values;
    }

    private Tensor[] ValuesInParts(Tensor inputs, string[] taps) =>
        Parts.Of(inputs.size(0), RowsPerPass(gradients: false), part => Values(part(inputs), taps));

    /// <inheritdoc/>
    internal override long RowsPerPass(bool gradients) => Memory.Row.Rows(Device.PassBytes(Memory.Bytes), gradients);

    /// <summary>Takes passes with gradients that do not fit in memory; null: they run as they are.</summary>
    internal DeferredPasses? Deferred { private get; set; }

    /// <summary>Normalizes batches by their own moments while it is set; null: by those of the model.</summary>
    internal BatchMoments? Moments { private get; set; }

    /// <inheritdoc/>
    internal override long RowsInCache => Memory.Row.Rows(PassFootprint.CacheBytes, gradients: true);

    /// <inheritdoc/>
    internal override FrozenModel Freeze() => (Device.IsCpu ? FrozenSession.Open(this, _file) : null) ?? base.Freeze();

    /// <inheritdoc/>
    internal override ComputeDevice Device => _model.Device;

    /// <summary>Another file of the same form, such as a snapshot of its training; the caller disposes it.</summary>
    /// <exception cref="GateException">PTG2xxx.</exception>
    internal OnnxClassifier LoadAlike(string path)
    {
        if (_file.Lowering is not { } lowering)
            return Load(OnnxFile.Read(path), new ModelUse(Input, new()) { Device = Device });
        var output = new OutputPolicy { Name = Output, Head = _model.Signature.Head };
        return Load(
            OnnxFile.Read(path).For([Output]),
            new ModelUse(Input, output) { Layout = lowering.Layout, Device = Device }
        );
    }

    /// <summary>The same graph with parameters of its own.</summary>
    public OnnxClassifier Clone() => Clone(Device);

    /// <summary>The same on a device.</summary>
    internal OnnxClassifier Clone(ComputeDevice device)
    {
        using var scope = NewDisposeScope();
        Tensor Copy(Tensor t) => device.Has(t) ? t.detach().clone() : device.Take(t.detach());
        Tensor[] state = [.. _state.Select(t => t is null ? null! : Copy(t).DetachFromDisposeScope())];
        var model = device == Device ? _model : _model.On(device, state);
        return new(_file, model, state, Layers, Input, Head, Classes)
        {
            ClassNames = ClassNames,
            Notes = Notes,
            UnitsBeforeHead = UnitsBeforeHead,
            Memory = Memory,
        };
    }

    // What the values of a row take, and what those of a pass may in the memory of the host.
    private (PassFootprint Row, long Bytes) Memory { get; init; }

    /// <summary>Number of values before the head: the classes, or 1 where two share a unit.</summary>
    internal long UnitsBeforeHead { get; private init; }

    /// <summary>
    /// Rounds the parameters to numbers that the file can hold, so that what is measured is what is saved.
    /// </summary>
    public void RoundToFile()
    {
        using var _ = no_grad();
        foreach (var (name, proto) in _file.Weights)
        {
            if (OnnxTensors.TypeOf(proto.DataType) is not { } type || !_parameters.TryGetValue(name, out var value))
                continue;
            if (type is not (ScalarType.Float16 or ScalarType.BFloat16))
                continue;
            using var rounded = OnnxTensors.Rounded(value, type);
            value.copy_(rounded);
        }
    }

    /// <summary>
    /// Writes the file it was loaded from with these parameters: same graph, names, opset and metadata, provenance
    /// added. By rename.
    /// </summary>
    /// <param name="path">Where; its folder is made where it does not exist.</param>
    /// <param name="provenance">What the file says about itself.</param>
    public void Save(string path, Provenance? provenance = null) => _file.Save(path, _parameters, provenance);

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var tensor in _state)
            tensor?.Dispose();
        _normalization.Dispose();
    }

    private bool Fits(Tensor inputs)
    {
        var shape = inputs.shape;
        if (inputs.dtype != ScalarType.Float32 || shape.Length != InputShape.Length + 1)
            return false;
        for (var i = 0; i < InputShape.Length; i++)
            if (InputShape[i] != shape[i + 1] && InputShape[i] >= 0)
                return false;
        return true;
    }
}
